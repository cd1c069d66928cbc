import { Button, Group, SegmentedControl, Text } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay, IconTrash } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";
import { SearchField } from "@/ui/filters/SearchField";
import { useFormat } from "@/ui/format";
import { PageHeader } from "@/ui/PageHeader";
import { StatusBadge } from "@/ui/StatusBadge";
import classes from "./Logs.module.css";
import { LogView } from "./LogView";
import { LEVELS } from "./search";
import { useLines } from "./useLines";

const route = getRouteApi("/panel/logs");

export default function LogsPage(): ReactElement {
  const { t } = useTranslation(["logs", "common"]);
  const format = useFormat();
  const { level = "INFO", q } = route.useSearch();
  const navigate = route.useNavigate();
  const { lines, fresh, total, state, mode, change, clear } = useLines(level, q ?? "");
  const paused = mode === "pause";

  return (
    <div className={classes.page}>
      <PageHeader
        title={t("common:nav.logs")}
        description={t("description")}
        actions={
          <>
            <Button
              variant="default"
              leftSection={
                paused ? <IconPlayerPlay size={16} aria-hidden /> : <IconPlayerPause size={16} aria-hidden />
              }
              onClick={() => change(paused ? "follow" : "pause")}
            >
              {t(paused ? "resume" : "pause")}
            </Button>
            <Button
              variant="default"
              leftSection={<IconTrash size={16} aria-hidden />}
              disabled={total === 0}
              onClick={clear}
            >
              {t("common:action.clear")}
            </Button>
          </>
        }
      />
      <div className={classes.controls}>
        <div className={classes.search}>
          <SearchField
            label={t("search")}
            value={q}
            onChange={(next) =>
              void navigate({
                search: (before) => ({ ...before, q: next }),
                replace: true,
                resetScroll: false,
              })
            }
          />
        </div>
        <SegmentedControl
          aria-label={t("level")}
          value={level}
          onChange={(next) =>
            void navigate({
              search: (before) => ({ ...before, level: next }),
              replace: true,
              resetScroll: false,
            })
          }
          data={LEVELS.map((value) => ({ value, label: t(`levels.${value}`) }))}
        />
      </div>
      <LogView lines={lines} fresh={fresh} mode={mode} onMode={change} filtered={total > 0} />
      <Group justify="space-between" mt="xs">
        <Text size="xs" c="dimmed">
          {t("count", { count: lines.length, shown: format.number(lines.length) })}
        </Text>
        <StatusBadge tone={paused ? "idle" : state === "open" ? "good" : "warning"}>
          {t(paused ? "state.paused" : `state.${state}`)}
        </StatusBadge>
      </Group>
    </div>
  );
}
