import { ActionIcon, Button, Group, Skeleton, Text, TextInput } from "@mantine/core";
import { IconCloud, IconPlus, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { configQuery, spacesQuery } from "@/api/queries";
import type { SpaceMap } from "@/api/types";
import { Empty } from "@/ui/Empty";
import { Loaded } from "@/ui/Loaded";
import { Section } from "@/ui/Section";
import { notifyDone } from "@/ui/toast";
import classes from "./Channel.module.css";
import { flawsOf, rowsOf, type SpaceRow, toSpaces } from "./spaceRows";

/** Which Spaces draw which of HuggingFace's models. */
export function Spaces() {
  const { t } = useTranslation("channel");
  const spaces = useQuery(spacesQuery);
  return (
    <Loaded
      query={spaces}
      skeleton={
        <Section title={t("spaces.title")}>
          <Skeleton h={120} />
        </Section>
      }
    >
      {(map) => <Editor map={map} />}
    </Loaded>
  );
}

function Editor({ map }: { map: SpaceMap }) {
  const { t } = useTranslation(["channel", "common"]);
  const client = useQueryClient();
  const [edited, setEdited] = useState<SpaceRow[] | null>(null);
  const rows = edited ?? rowsOf(map);
  const flaws = flawsOf(rows);
  const save = useMutation({
    mutationFn: () => api.post<SpaceMap>("/api/config/hf-map", toSpaces(rows)),
    onSuccess: async () => {
      notifyDone(t("common:state.saved"));
      await client.invalidateQueries({ queryKey: spacesQuery.queryKey });
      await client.invalidateQueries({ queryKey: configQuery.queryKey });
      setEdited(null);
    },
  });
  const change = (index: number, part: Partial<SpaceRow>) =>
    setEdited(rows.map((row, at) => (at === index ? { ...row, ...part } : row)));
  const add = () => setEdited([...rows, { id: crypto.randomUUID(), model: "", main: "", backup: "" }]);

  return (
    <Section
      title={t("spaces.title")}
      description={t("spaces.description")}
      actions={
        <Button size="xs" variant="default" leftSection={<IconPlus size={15} aria-hidden />} onClick={add}>
          {t("common:action.add")}
        </Button>
      }
    >
      {rows.length === 0 ? (
        <Empty
          icon={<IconCloud aria-hidden />}
          title={t("spaces.emptyTitle")}
          description={t("spaces.emptyBody")}
        />
      ) : (
        rows.map((row, index) => (
          <SpaceFields
            key={row.id}
            row={row}
            flaw={flaws[index]}
            onChange={(part) => change(index, part)}
            onRemove={() => setEdited(rows.filter((_, at) => at !== index))}
          />
        ))
      )}
      {edited && (
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={() => setEdited(null)}>
            {t("common:action.discard")}
          </Button>
          <Button loading={save.isPending} disabled={flaws.some(Boolean)} onClick={() => save.mutate()}>
            {t("common:action.save")}
          </Button>
        </Group>
      )}
    </Section>
  );
}

interface FieldsProps {
  row: SpaceRow;
  flaw: ReturnType<typeof flawsOf>[number] | undefined;
  onChange: (part: Partial<SpaceRow>) => void;
  onRemove: () => void;
}

function SpaceFields({ row, flaw, onChange, onRemove }: FieldsProps) {
  const { t } = useTranslation(["channel", "common"]);
  const field = (name: "model" | "main" | "backup", placeholder: string) => (
    <TextInput
      aria-label={t(`spaces.${name}`)}
      leftSectionWidth={56}
      leftSection={
        <Text size="xs" c="dimmed" aria-hidden>
          {t(`spaces.${name}`)}
        </Text>
      }
      placeholder={placeholder}
      value={row[name]}
      error={flaw?.field === name ? t(`spaces.flaw.${flaw.kind}`) : null}
      onChange={(event) => onChange({ [name]: event.currentTarget.value })}
      autoComplete="off"
      spellCheck={false}
    />
  );
  return (
    <div className={classes.space}>
      {field("model", "z-image-turbo")}
      {field("main", "https://owner-name.hf.space")}
      {field("backup", "")}
      <ActionIcon
        variant="subtle"
        color="gray"
        size={36}
        onClick={onRemove}
        aria-label={t("spaces.remove", { model: row.model })}
      >
        <IconTrash size={17} aria-hidden />
      </ActionIcon>
    </div>
  );
}
