import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useLogStream } from "@/api/sse";
import { AnchorLink } from "@/ui/links";
import { fieldsInLine } from "@/ui/logFields";
import { Section } from "@/ui/Section";
import classes from "./Dashboard.module.css";

/** The last lines of the log, following. */
export function LogStrip() {
  const { t, i18n } = useTranslation("dashboard");
  const { entries } = useLogStream("INFO", { capacity: 30 });
  const list = useRef<HTMLUListElement>(null);
  const newest = entries.at(-1)?.id;

  useEffect(() => {
    if (newest !== undefined && list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [newest]);

  const clock = new Intl.DateTimeFormat(i18n.language, { timeStyle: "medium" });
  return (
    <Section
      flush
      title={t("log.title")}
      actions={
        <AnchorLink to="/logs" size="sm">
          {t("log.all")}
        </AnchorLink>
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <ul className={classes.log} ref={list} tabIndex={0} aria-label={t("log.title")}>
        {entries.map((entry) => (
          <li key={entry.id} className={classes.line}>
            <span className={classes.time}>{clock.format(new Date(entry.timestamp))}</span>
            <span className={classes.level} data-level={entry.level}>
              {entry.level}
            </span>
            <span>
              {entry.message} <span className={classes.time}>{fieldsInLine(entry.fields)}</span>
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
