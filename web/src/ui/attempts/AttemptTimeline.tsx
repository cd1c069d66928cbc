import { Code, Group, Text } from "@mantine/core";
import { IconArrowDown } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { AttemptRow, RequestRow } from "@/api/types";
import { useFormat } from "../format";
import { AnchorLink } from "../links";
import { StatusBadge } from "../StatusBadge";
import classes from "./Attempts.module.css";
import { barOf, spanOf, ticksOf } from "./scale";
import { useOutcome } from "./useOutcome";

interface Props {
  request: Pick<RequestRow, "durationMs" | "attempts">;
}

/** What was tried, with whom, how long it took, and why it went on to the next. */
export function AttemptTimeline({ request }: Props) {
  const { t } = useTranslation("attempts");
  const format = useFormat();
  const { attempts, durationMs } = request;
  const span = spanOf(durationMs, attempts);
  return (
    <div>
      <div className={classes.scale} aria-hidden>
        {ticksOf(span).map((time) => (
          <span key={time} style={{ left: `${(time / span) * 100}%` }}>
            {time === 0 ? "0" : format.duration(time)}
          </span>
        ))}
      </div>
      <ol className={classes.attempts} aria-label={t("label")}>
        {attempts.map((attempt, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: attempts are only ever added at the end
          <Attempt key={index} attempt={attempt} span={span} number={index + 1} />
        ))}
      </ol>
    </div>
  );
}

interface AttemptProps {
  attempt: AttemptRow;
  span: number;
  number: number;
}

function Attempt({ attempt, span, number }: AttemptProps) {
  const { t } = useTranslation("attempts");
  const format = useFormat();
  const outcome = useOutcome()(attempt.outcome);
  const { left, width } = barOf(attempt, span);
  const { provider, model, key, keyId, startedMs, durationMs, message, next } = attempt;
  return (
    <li className={classes.attempt}>
      <Group gap={8} wrap="wrap">
        <Text span size="sm" c="dimmed" className={classes.number ?? ""}>
          {number}
        </Text>
        <AnchorLink to="/channel" hash={provider} fw={600} size="sm" c="inherit">
          {provider}
        </AnchorLink>
        <Text span size="sm" className={classes.model ?? ""}>
          {model}
        </Text>
        {key && (
          <AnchorLink to="/requests" search={keyId ? { key: keyId } : {}} size="sm">
            <Code fz="xs" title={t("sameKey")}>
              {key}
            </Code>
          </AnchorLink>
        )}
        <span className={classes.end}>
          <Text span size="sm" c="dimmed">
            {t("times", { start: format.duration(startedMs), length: format.duration(durationMs) })}
          </Text>
          <StatusBadge tone={outcome.tone}>{outcome.label}</StatusBadge>
        </span>
      </Group>
      <div className={classes.line} aria-hidden>
        <div
          className={classes.bar}
          data-tone={outcome.tone}
          style={{ left: `${left}%`, width: `${width}%` }}
        />
      </div>
      {message && (
        <Text size="sm" className={classes.message ?? ""}>
          {message}
        </Text>
      )}
      {next && (
        <Group gap={6} c="dimmed" wrap="nowrap">
          <IconArrowDown size={14} aria-hidden />
          <Text size="sm">{t("next", { reason: t(`reason.${next}`, { defaultValue: next }) })}</Text>
        </Group>
      )}
    </li>
  );
}
