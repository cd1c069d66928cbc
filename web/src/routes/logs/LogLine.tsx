import { IconChevronRight } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import type { LogEntry } from "@/api/types";
import { fieldsInLine } from "@/ui/logFields";
import classes from "./Logs.module.css";

interface Props {
  entry: LogEntry;
  id: string;
  /** Whether its fields are shown. */
  open: boolean;
  onToggle: (id: string) => void;
}

const two = (value: number) => String(value).padStart(2, "0");

/** The time of day, to the millisecond, in the reader's time zone. */
function clock(timestamp: string): string {
  const time = new Date(timestamp);
  const seconds = `${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, "0")}`;
  return `${two(time.getHours())}:${two(time.getMinutes())}:${seconds}`;
}

/** Whether the request of this path is in the request log, where only drawings are. */
const isDrawing = (path: string | undefined) => path === undefined || /\/v1\/(images|chat)\//.test(path);

export const LogLine = memo(function LogLine({ entry, id, open, onToggle }: Props) {
  const { t } = useTranslation("logs");
  const { timestamp, level, module, message, requestId, fields } = entry;
  const pairs = Object.entries(fields);
  return (
    <div className={classes.line} data-level={level}>
      <button
        type="button"
        className={classes.toggle}
        aria-expanded={open}
        aria-label={t("fields", { message })}
        onClick={() => onToggle(id)}
      >
        <IconChevronRight size={14} aria-hidden />
      </button>
      <time className={classes.time} dateTime={timestamp} title={timestamp}>
        {clock(timestamp)}
      </time>
      <span className={classes.level}>{level}</span>
      <span className={classes.message}>
        {message}
        {!open && pairs.length > 0 && <span className={classes.brief}> {fieldsInLine(fields)}</span>}
      </span>
      {requestId && isDrawing(fields.path) && (
        <Link to="/requests/$id" params={{ id: requestId }} className={classes.request} preload={false}>
          {requestId}
        </Link>
      )}
      {open && (
        <dl className={classes.fields}>
          <Field name={t("module")} value={module} />
          {pairs.map(([name, value]) => (
            <Field key={name} name={name} value={value} />
          ))}
        </dl>
      )}
    </div>
  );
});

function Field({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
