import { Card, Stack } from "@mantine/core";
import { IconSparkles } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Empty } from "@/ui/Empty";
import classes from "./Playground.module.css";
import { RunCard } from "./RunCard";
import { usePlayground } from "./store";

/** What was drawn since the panel was opened, the newest first. */
export function Results() {
  const { t } = useTranslation("playground");
  const { runs } = usePlayground();
  return (
    <Stack component="section" className={classes.drawn ?? ""} aria-label={t("results.title")}>
      {runs.length === 0 && (
        <Card mih={280} style={{ justifyContent: "center" }}>
          <Empty
            icon={<IconSparkles aria-hidden />}
            title={t("results.empty")}
            description={t("results.emptyHint")}
          />
        </Card>
      )}
      {runs.map((run) => (
        <RunCard key={run.id} run={run} />
      ))}
    </Stack>
  );
}
