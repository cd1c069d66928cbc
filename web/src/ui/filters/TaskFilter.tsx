import { useTranslation } from "react-i18next";
import type { Task } from "@/api/types";
import { FilterSelect } from "./FilterSelect";

const TASKS: readonly Task[] = ["text", "edit", "blend"];

interface Props {
  value: Task | undefined;
  onChange: (task: Task | undefined) => void;
}

export function TaskFilter({ value, onChange }: Props) {
  const { t } = useTranslation(["lists", "common"]);
  return (
    <FilterSelect
      label={t("task")}
      data={TASKS.map((task) => ({ value: task, label: t(`common:task.${task}`) }))}
      value={value}
      onChange={onChange}
      width={140}
    />
  );
}
