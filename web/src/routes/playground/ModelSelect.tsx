import { Select } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Provider, Task } from "@/api/types";
import { AUTO, type Model, modelGroups } from "./models";
import { playground, usePlayground } from "./store";

interface Props {
  models: readonly Model[];
  providers: readonly Provider[];
  task: Task;
  /** Whether the chosen model can do the task. */
  able: boolean;
}

export function ModelSelect({ models, providers, task, able }: Props) {
  const { t } = useTranslation(["playground", "common"]);
  const { model } = usePlayground().form;
  const groups = useMemo(() => modelGroups(models, providers, task), [models, providers, task]);
  const data = groups.map(({ platform, items }) => ({
    group: platform ?? t("model.anyPlatform"),
    items: items.map(({ value, label }) => ({ value, label: value === AUTO ? t("model.auto") : label })),
  }));
  const known = groups.some(({ items }) => items.some(({ value }) => value === model));
  const chosen = known ? [] : [{ group: t("model.chosen"), items: [{ value: model, label: model }] }];
  const platform = groups.find(({ items }) => items.some(({ value }) => value === model))?.platform;
  return (
    <Select
      label={t("model.label")}
      description={platform ? t("model.at", { platform }) : t("model.open")}
      inputWrapperOrder={["label", "input", "description", "error"]}
      error={able ? null : t("model.unable", { task: t(`common:task.${task}`) })}
      searchable
      allowDeselect={false}
      maxDropdownHeight={360}
      nothingFoundMessage={t("model.none")}
      data={[...chosen, ...data]}
      value={model}
      onChange={(next) => playground.change({ model: next ?? AUTO })}
    />
  );
}
