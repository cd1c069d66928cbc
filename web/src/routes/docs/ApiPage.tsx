import { Accordion, Anchor, Container, Group, Skeleton, Stack, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { api as client } from "@/api/client";
import { Brand } from "@/app/shell/Brand";
import { LanguageMenu, ThemeMenu } from "@/app/shell/HeaderTools";
import { Empty } from "@/ui/Empty";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Section } from "@/ui/Section";
import { groups, matching, type OpenApi } from "./document";
import { OperationDetails, OperationTitle } from "./OperationItem";

const PATH = "/openapi.json";

/** The reference of both APIs, made from what the gateway tells of itself. Open to all. */
export default function ApiPage() {
  const { t } = useTranslation("docs");
  const query = useQuery({
    queryKey: ["openapi"],
    queryFn: () => client.get<OpenApi>(PATH),
    staleTime: Infinity,
  });
  return (
    <Container component="main" size="lg" py="md">
      <Group justify="space-between" mb="xl">
        <Group gap="xs">
          <Brand />
        </Group>
        <Group gap="xs">
          <LanguageMenu />
          <ThemeMenu />
        </Group>
      </Group>
      <PageHeader
        title={t("title")}
        description={t("description")}
        actions={<Anchor href={PATH}>{t("document")}</Anchor>}
      />
      <Loaded query={query} skeleton={<Skeleton h={480} />}>
        {(document) => <Operations document={document} />}
      </Loaded>
    </Container>
  );
}

function Operations({ document }: { document: OpenApi }) {
  const { t } = useTranslation("docs");
  const [text, setText] = useState("");
  const all = useMemo(() => groups(document), [document]);
  const shown = matching(all, text);
  return (
    <Stack>
      <TextInput
        type="search"
        aria-label={t("search")}
        placeholder={t("search")}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {shown.length === 0 && <Empty icon={<IconSearch size={22} aria-hidden />} title={t("nothing")} />}
      {shown.map(({ name, operations }) => (
        <Section key={name} title={t(`tag.${name}`, { defaultValue: name })} flush>
          <Accordion multiple order={3}>
            {operations.map((operation) => (
              <Accordion.Item
                key={`${operation.method} ${operation.path}`}
                value={`${operation.method} ${operation.path}`}
              >
                <Accordion.Control>
                  <OperationTitle operation={operation} />
                </Accordion.Control>
                <Accordion.Panel>
                  <OperationDetails api={document} operation={operation} />
                </Accordion.Panel>
              </Accordion.Item>
            ))}
          </Accordion>
        </Section>
      ))}
    </Stack>
  );
}
