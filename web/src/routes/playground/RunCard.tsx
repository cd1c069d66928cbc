import { Alert, Card, Group, Loader, Progress, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { requestQuery } from "@/api/queries";
import type { RequestDetail, RequestPage } from "@/api/types";
import { AttemptTimeline } from "@/ui/attempts/AttemptTimeline";
import { furtherAttempts } from "@/ui/attempts/further";
import { ErrorState } from "@/ui/ErrorState";
import { useFormat } from "@/ui/format";
import { AnchorLink } from "@/ui/links";
import { StatusBadge, type Tone } from "@/ui/StatusBadge";
import { useNow } from "@/ui/time";
import classes from "./Playground.module.css";
import { ResultPicture } from "./ResultPicture";
import type { Run } from "./run";

const TONES: Record<Run["state"], Tone> = { drawing: "info", done: "good", failed: "bad", cancelled: "idle" };

/** One drawing: on its way, done or failed. */
export function RunCard({ run }: { run: Run }) {
  const { t } = useTranslation(["playground", "common"]);
  const format = useFormat();
  const { state, prompt, ended, started, pictures, warnings, error } = run;
  const logged = useLogged(run);
  return (
    <Card component="article" aria-label={prompt.slice(0, 80)}>
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap" align="flex-start">
          <Text size="sm" lineClamp={2} title={prompt} style={{ overflowWrap: "anywhere" }}>
            {prompt}
          </Text>
          <Group gap="xs" wrap="nowrap" aria-live="polite">
            <Text size="sm" c="dimmed" style={{ whiteSpace: "nowrap" }}>
              {ended === null ? <Elapsed since={started} /> : format.duration(ended - started)}
            </Text>
            <StatusBadge tone={TONES[state]}>{t(`state.${state}`)}</StatusBadge>
          </Group>
        </Group>
        {state === "drawing" && <Progress value={100} animated size="xs" aria-label={t("state.drawing")} />}
        {error && <ErrorState error={error} title={t("failed")} />}
        {warnings.map((text) => (
          <Alert key={text} color="yellow" variant="light" icon={<IconAlertTriangle aria-hidden />} py="xs">
            {text}
          </Alert>
        ))}
        {(pictures.length > 0 || state === "drawing") && (
          <div
            className={classes.results}
            data-single={Math.max(run.wanted, pictures.length) === 1 || undefined}
          >
            {pictures.map((picture, index) => (
              <ResultPicture
                key={picture.url}
                picture={picture}
                stored={logged?.items[index] ?? null}
                prompt={prompt}
              />
            ))}
            {state === "drawing" && <Waiting run={run} />}
          </div>
        )}
        <Facts run={run} logged={logged} />
        {error && logged && logged.attempts.length > 0 && <AttemptTimeline request={logged} />}
      </Stack>
    </Card>
  );
}

/** How many of the newest requests are looked at, how often, and in what time. */
const NEWEST = 50;
const LOOKS = 20;
const LOOK_EVERY_MS = 300;

/**
 * What the log knows of the drawing once it has ended. It is written a moment after the answer: until it
 * is listed, there is nothing at the request's own address.
 */
function useLogged({ id, ended }: Run): RequestDetail | undefined {
  const listed = useQuery({
    queryKey: ["requests", "listed", id],
    queryFn: ({ signal }) =>
      api
        .get<RequestPage>("/api/requests", { limit: NEWEST }, signal)
        .then(({ items }) => items.some((row) => row.id === id)),
    enabled: ended !== null,
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: ({ state }) => (state.data || state.dataUpdateCount >= LOOKS ? false : LOOK_EVERY_MS),
  });
  const { data } = useQuery({
    ...requestQuery(id),
    enabled: listed.data === true,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return data;
}

function Elapsed({ since }: { since: number }) {
  const format = useFormat();
  const now = useNow("second");
  return <>{format.duration(Math.max(0, Math.floor((now - since) / 1_000) * 1_000))}</>;
}

/** The pictures that are still to come, in their shape. */
function Waiting({ run }: { run: Run }) {
  const { t } = useTranslation("playground");
  const missing = Math.max(1, run.wanted - run.pictures.length);
  return Array.from({ length: missing }, (_, index) => {
    const partial = index === 0 ? run.partial : null;
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
      <div key={index} className={classes.result} style={{ aspectRatio: run.shape }}>
        {partial ? (
          <img src={partial} alt={t("partial")} className={classes.partial} />
        ) : (
          <Skeleton h="100%" radius={0} />
        )}
        {index === 0 && <Loader className={classes.loader ?? ""} size="sm" aria-hidden />}
      </div>
    );
  });
}

function Facts({ run, logged }: { run: Run; logged: RequestDetail | undefined }) {
  const { t } = useTranslation(["playground", "common"]);
  const provider = run.provider ?? logged?.provider;
  const model = run.model ?? logged?.model;
  const further = furtherAttempts(logged?.attempts ?? []);
  return (
    <Group gap="xs" fz="sm" c="dimmed">
      <span>{t(`common:task.${run.task}`)}</span>
      {provider && <span>· {provider}</span>}
      {model && <span style={{ overflowWrap: "anywhere" }}>· {model}</span>}
      {further > 0 && <span>· {t("furtherAttempts", { count: further })}</span>}
      {logged && (
        <AnchorLink to="/requests/$id" params={{ id: run.id }} size="sm" ml="auto">
          {t("request")}
        </AnchorLink>
      )}
    </Group>
  );
}
