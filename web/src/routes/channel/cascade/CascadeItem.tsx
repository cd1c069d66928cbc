import { useSortable } from "@dnd-kit/sortable";
import { CSS } from "@dnd-kit/utilities";
import { ActionIcon, Group, NumberInput, Text, Tooltip } from "@mantine/core";
import { IconGripVertical, IconX } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Provider, Task } from "@/api/types";
import { useFormat } from "@/ui/format";
import { ProviderBadge } from "@/ui/ProviderBadge";
import classes from "./Cascade.module.css";
import { HEAVIEST, type Placed } from "./order";

interface Props {
  item: Placed;
  /** Its place among those that take part; null for one that does not. */
  rank: number | null;
  task: Task;
  provider: Provider | undefined;
  /** Its part of the requests, where they are shared by weight. */
  share: number | null;
  /** An environment variable sets the weight. */
  fixed: boolean;
  onWeigh: (weight: number) => void;
}

export function CascadeItem({ item, rank, task, provider, share, fixed, onWeigh }: Props) {
  const { t } = useTranslation("channel");
  const format = useFormat();
  const { name, weight } = item;
  const { attributes, listeners, setNodeRef, setActivatorNodeRef, transform, transition, isDragging } =
    useSortable({
      id: name,
      disabled: fixed,
    });
  const settings = provider?.tasks[task];
  return (
    <li
      ref={setNodeRef}
      className={classes.item}
      data-dragging={isDragging || undefined}
      data-off={rank === null || undefined}
      style={{ transform: CSS.Translate.toString(transform), transition }}
    >
      <ActionIcon
        ref={setActivatorNodeRef}
        {...attributes}
        {...listeners}
        variant="subtle"
        color="gray"
        disabled={fixed}
        className={classes.handle ?? ""}
        aria-label={t("cascade.move", { name })}
      >
        <IconGripVertical size={18} aria-hidden />
      </ActionIcon>
      <Text size="sm" c="dimmed" w={18} ta="right" aria-hidden className={classes.rank ?? ""}>
        {rank ?? "–"}
      </Text>
      <Group gap="xs" flex={1} miw={0} wrap="wrap">
        <Text size="sm" fw={600}>
          {name}
        </Text>
        {provider && <ProviderBadge provider={provider} />}
        <Text size="xs" c="dimmed" truncate className={classes.model ?? ""}>
          {settings?.model ?? settings?.defaultModel ?? ""}
        </Text>
      </Group>
      {share !== null && (
        <Text size="sm" c="dimmed" w={56} ta="right">
          {format.percent(share)}
        </Text>
      )}
      <WeightInput name={name} weight={weight} fixed={fixed} onWeigh={onWeigh} />
      <Tooltip label={t("cascade.takeOut")}>
        <ActionIcon
          variant="subtle"
          color="gray"
          disabled={fixed}
          onClick={() => onWeigh(0)}
          aria-label={t("cascade.takeOutName", { name })}
        >
          <IconX size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </li>
  );
}

type WeightProps = Pick<Props, "fixed" | "onWeigh"> & Placed;

/** Saves when it is left or confirmed, not at every key. */
function WeightInput({ name, weight, fixed, onWeigh }: WeightProps) {
  const { t } = useTranslation("channel");
  const [typed, setTyped] = useState<string | number>(weight);
  useEffect(() => setTyped(weight), [weight]);
  const settle = () => {
    if (typeof typed === "number" && typed !== weight) onWeigh(typed);
    else setTyped(weight);
  };
  return (
    <NumberInput
      size="xs"
      w={68}
      aria-label={t("cascade.weightOf", { name })}
      min={0}
      max={HEAVIEST}
      allowDecimal={false}
      clampBehavior="strict"
      disabled={fixed}
      value={typed}
      onChange={setTyped}
      onBlur={settle}
      onKeyDown={(event) => event.key === "Enter" && settle()}
    />
  );
}
