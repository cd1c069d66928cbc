import { Card, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect } from "react";
import { useTranslation } from "react-i18next";
import type { RequestRow } from "@/api/types";
import { furtherAttempts } from "@/ui/attempts/further";
import { useOutcome } from "@/ui/attempts/useOutcome";
import { useFormat } from "@/ui/format";
import { StatusBadge } from "@/ui/StatusBadge";
import { RelativeTime } from "@/ui/time";
import { usePlace } from "@/ui/usePlace";
import classes from "./Requests.module.css";

const WIDE_ROW = 60;
const NARROW_ROW = 108;
/** How near the end more rows are asked for. */
const AHEAD = 15;

interface Props {
  rows: readonly RequestRow[];
  onNearEnd: () => void;
  loadingMore: boolean;
}

/** The log, a line for each request. Each leads to what it is made of. */
export function RequestList({ rows, onNearEnd, loadingMore }: Props) {
  const { t } = useTranslation(["requests", "common"]);
  const narrow = useMediaQuery("(max-width: 61.99em)", false, { getInitialValueInEffect: false });
  const { ref, top } = usePlace<HTMLUListElement>("requests");
  const height = narrow ? NARROW_ROW : WIDE_ROW;
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => height,
    // Keys of another kind for each layout, so that its heights are taken anew.
    getItemKey: useCallback((index: number) => `${height} ${rows[index]?.id ?? index}`, [rows, height]),
    overscan: 8,
    scrollMargin: top,
  });
  const shown = virtualizer.getVirtualItems();
  const isNearEnd = (shown.at(-1)?.index ?? 0) >= rows.length - AHEAD;
  useEffect(() => {
    if (isNearEnd) onNearEnd();
  }, [isNearEnd, onNearEnd]);

  return (
    <Card padding={0}>
      <div className={classes.head} aria-hidden>
        <span>{t("column.outcome")}</span>
        <span>{t("column.prompt")}</span>
        <span>{t("column.drawnBy")}</span>
        <span>{t("column.client")}</span>
        <span className={classes.number}>{t("column.duration")}</span>
        <span className={classes.number}>{t("column.time")}</span>
        <span />
      </div>
      <ul
        ref={ref}
        className={classes.list}
        style={{ height: virtualizer.getTotalSize() }}
        aria-label={t("common:nav.requests")}
      >
        {shown.map(({ index, start, key }) => {
          const row = rows[index];
          return (
            row && (
              <li
                key={key}
                className={classes.item}
                style={{ height, transform: `translateY(${start - top}px)` }}
              >
                <RequestLine row={row} />
              </li>
            )
          );
        })}
      </ul>
      {loadingMore && (
        <Text size="sm" c="dimmed" ta="center" p="sm" role="status">
          {t("common:state.loading")}
        </Text>
      )}
    </Card>
  );
}

const RequestLine = memo(function RequestLine({ row }: { row: RequestRow }) {
  const { t } = useTranslation(["requests", "common"]);
  const format = useFormat();
  const outcome = useOutcome()(row.outcome);
  const {
    id,
    prompt,
    task,
    askedModel,
    provider,
    model,
    attempts,
    client,
    clientName,
    durationMs,
    time,
    pictures,
  } = row;
  const further = furtherAttempts(attempts);
  return (
    <Link to="/requests/$id" params={{ id }} className={classes.line} preload={false}>
      <span className={classes.outcome}>
        <StatusBadge tone={outcome.tone}>{outcome.label}</StatusBadge>
      </span>
      <span className={classes.prompt}>
        <span className={classes.first}>{prompt || "–"}</span>
        <span className={classes.second}>
          {t(`common:task.${task}`)} · {askedModel}
        </span>
      </span>
      <span className={classes.drawnBy}>
        <span className={classes.first}>{provider ?? attempts.at(-1)?.provider ?? "–"}</span>
        <span className={classes.parts}>
          <span className={classes.second}>{model ?? attempts.at(-1)?.model ?? ""}</span>
          {further > 0 && (
            <span className={classes.further}>· {t("furtherAttempts", { count: further })}</span>
          )}
        </span>
      </span>
      <span className={classes.client}>{clientName ?? client}</span>
      <span className={classes.duration}>{format.duration(durationMs)}</span>
      <span className={classes.time}>
        <RelativeTime time={time} />
      </span>
      <span className={classes.thumb}>
        {pictures[0] && (
          <img
            src={`/storage/${encodeURIComponent(pictures[0])}?thumb=256`}
            alt=""
            loading="lazy"
            decoding="async"
          />
        )}
        {pictures.length > 1 && <span className={classes.count}>{pictures.length}</span>}
      </span>
    </Link>
  );
});
