import { Text } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { FreshPill } from "@/ui/FreshPill";
import { LogLine } from "./LogLine";
import classes from "./Logs.module.css";
import type { Line } from "./lines";
import type { Mode } from "./useLines";

const LINE_HEIGHT = 26;
/** How near the end counts as being at it. */
const NEAR = 24;

interface Props {
  lines: readonly Line[];
  /** How many lines have come after these. */
  fresh: number;
  mode: Mode;
  onMode: (mode: Mode) => void;
  /** There are lines, if not these. */
  filtered: boolean;
}

export function LogView({ lines, fresh, mode, onMode, filtered }: Props) {
  const { t } = useTranslation("logs");
  const view = useRef<HTMLDivElement>(null);
  const lastTop = useRef(0);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => view.current,
    estimateSize: () => LINE_HEIGHT,
    getItemKey: useCallback((index: number) => lines[index]?.id ?? index, [lines]),
    overscan: 12,
  });
  const newest = lines.at(-1)?.id;
  const total = virtualizer.getTotalSize();

  // Also when lines turn out to be higher than was thought.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height and the newest line are what it waits for
  useEffect(() => {
    if (mode === "follow" && view.current) view.current.scrollTop = view.current.scrollHeight;
  }, [mode, newest, total]);

  const onScroll = () => {
    const element = view.current;
    if (!element) return;
    const { scrollTop, scrollHeight, clientHeight } = element;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    // Only somebody scrolling up leaves the end; lines that are added must not.
    if (mode === "follow" && !atEnd && scrollTop < lastTop.current - 2) onMode("read");
    if (mode === "read" && atEnd) onMode("follow");
    lastTop.current = scrollTop;
  };

  const toggle = useCallback(
    (id: string) =>
      setOpen((before) => {
        const next = new Set(before);
        if (!next.delete(id)) next.add(id);
        return next;
      }),
    [],
  );

  return (
    <div className={classes.frame}>
      <div
        ref={view}
        className={classes.view}
        onScroll={onScroll}
        role="log"
        aria-live="off"
        aria-label={t("lines")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
      >
        <div className={classes.lines} style={{ height: total }}>
          {virtualizer.getVirtualItems().map(({ index, start, key }) => {
            const line = lines[index];
            return (
              line && (
                <div
                  key={key}
                  ref={virtualizer.measureElement}
                  data-index={index}
                  className={classes.place}
                  style={{ transform: `translateY(${start}px)` }}
                >
                  {line.kind === "gap" ? (
                    <p className={classes.gap}>{t("missed", { count: line.missed })}</p>
                  ) : (
                    <LogLine entry={line.entry} id={line.id} open={open.has(line.id)} onToggle={toggle} />
                  )}
                </div>
              )
            );
          })}
        </div>
        {lines.length === 0 && (
          <Text c="dimmed" size="sm" ta="center" pt={80}>
            {t(filtered ? "noMatch" : "waiting")}
          </Text>
        )}
      </div>
      <FreshPill towards="bottom" count={fresh} onShow={() => onMode("follow")} />
    </div>
  );
}
