import { Code, Group, Stack, Text, Title } from "@mantine/core";
import { IconListDetails, IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ReactElement, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { requestQuery } from "@/api/queries";
import type { GalleryItem, RequestDetail } from "@/api/types";
import { AttemptTimeline } from "@/ui/attempts/AttemptTimeline";
import { useOutcome } from "@/ui/attempts/useOutcome";
import { CopyButton } from "@/ui/CopyButton";
import { useFormat } from "@/ui/format";
import { Loaded } from "@/ui/Loaded";
import { AnchorLink, ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import { Section } from "@/ui/Section";
import { StatusBadge } from "@/ui/StatusBadge";
import { CardsSkeleton } from "@/ui/skeletons";
import { redrawSearch } from "../playground/search";
import classes from "./Requests.module.css";

const route = getRouteApi("/panel/requests/$id");

export default function RequestPage(): ReactElement {
  const { t } = useTranslation(["requests", "common"]);
  const { id } = route.useParams();
  const request = useQuery(requestQuery(id));
  return (
    <>
      <PageHeader
        title={t("one.title")}
        description={
          <Group gap={4} component="span">
            <Code style={{ overflowWrap: "anywhere" }}>{id}</Code>
            <CopyButton value={id} label={t("one.copyId")} />
          </Group>
        }
        actions={
          <>
            <ButtonLink
              to="/logs"
              search={{ q: id }}
              variant="default"
              leftSection={<IconListDetails size={16} aria-hidden />}
            >
              {t("one.log")}
            </ButtonLink>
            {request.data && (
              <ButtonLink
                to="/playground"
                search={againOf(request.data)}
                leftSection={<IconRefresh size={16} aria-hidden />}
              >
                {t("one.again")}
              </ButtonLink>
            )}
          </>
        }
      />
      <Loaded query={request} skeleton={<CardsSkeleton count={3} height={170} cols={1} />}>
        {(data) => <Details request={data} />}
      </Loaded>
    </>
  );
}

/** What draws the same again: as its first picture was drawn, or as it was asked for. */
function againOf({ items: [first], prompt, askedModel }: RequestDetail) {
  return first ? redrawSearch(first) : { prompt, model: askedModel };
}

function Details({ request }: { request: RequestDetail }) {
  const { t } = useTranslation(["requests", "common"]);
  const format = useFormat();
  const outcome = useOutcome()(request.outcome);
  const { attempts, items, prompt, provider, model } = request;
  return (
    <Stack>
      <Section
        title={
          <Group gap="sm" component="span">
            {t("one.summary")}
            <StatusBadge tone={outcome.tone}>{outcome.label}</StatusBadge>
          </Group>
        }
      >
        <dl className={classes.facts}>
          <Fact name={t("column.time")}>{format.dateTime(request.time)}</Fact>
          <Fact name={t("column.duration")}>{format.duration(request.durationMs)}</Fact>
          <Fact name={t("one.task")}>{t(`common:task.${request.task}`)}</Fact>
          <Fact name={t("one.asked")}>{request.askedModel}</Fact>
          <Fact name={t("column.drawnBy")}>
            {provider ? (
              <>
                <AnchorLink to="/channel" hash={provider} size="sm" underline="always">
                  {provider}
                </AnchorLink>
                {model && ` · ${model}`}
              </>
            ) : (
              t("common:state.none")
            )}
          </Fact>
          <Fact name={t("column.client")}>{request.clientName ?? request.client}</Fact>
        </dl>
      </Section>

      <Section title={t("one.attempts")} description={t("one.attemptsHint")}>
        {attempts.length === 0 ? (
          <Text size="sm" c="dimmed">
            {t("one.noAttempts")}
          </Text>
        ) : (
          <AttemptTimeline request={request} />
        )}
      </Section>

      <Section title={t("one.prompt")} actions={<CopyButton value={prompt} label={t("one.copyPrompt")} />}>
        <div className={classes.text}>{prompt || "–"}</div>
        <Revised items={items} prompt={prompt} />
      </Section>

      {items.length > 0 && (
        <Section title={t("one.pictures", { count: items.length })}>
          <div className={classes.pictures}>
            {items.map((item) => (
              <Link
                key={item.filename}
                to="/pic"
                search={{ picture: item.filename }}
                className={classes.picture}
                style={{ aspectRatio: `${item.width} / ${item.height}` }}
                title={t("one.open")}
              >
                <img src={`${item.url}?thumb=512`} alt={item.metadata.prompt} />
              </Link>
            ))}
          </div>
        </Section>
      )}
    </Stack>
  );
}

/** What the prompt became, each wording once. */
function Revised({ items, prompt }: { items: readonly GalleryItem[]; prompt: string }) {
  const { t } = useTranslation("requests");
  const texts = new Set(items.flatMap(({ revisedPrompt }) => revisedPrompt ?? []));
  texts.delete(prompt);
  return [...texts].map((text) => (
    <div key={text}>
      <Group justify="space-between" mt="md" wrap="nowrap">
        <Title order={3} fz="sm">
          {t("one.revised")}
        </Title>
        <CopyButton value={text} label={t("one.copyRevised")} />
      </Group>
      <div className={classes.text}>{text}</div>
    </div>
  ));
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
