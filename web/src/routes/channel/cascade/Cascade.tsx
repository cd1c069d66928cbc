import {
  type Announcements,
  closestCenter,
  DndContext,
  type DragEndEvent,
  KeyboardSensor,
  PointerSensor,
  useSensor,
  useSensors,
} from "@dnd-kit/core";
import { SortableContext, sortableKeyboardCoordinates, verticalListSortingStrategy } from "@dnd-kit/sortable";
import { Button, Group, SegmentedControl, Text } from "@mantine/core";
import { IconArrowsShuffle } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ConfigSnapshot, Task } from "@/api/types";
import { Empty } from "@/ui/Empty";
import { AnchorLink } from "@/ui/links";
import { takesPart } from "@/ui/ProviderBadge";
import { Section } from "@/ui/Section";
import { useWeights } from "../useWeights";
import classes from "./Cascade.module.css";
import { CascadeItem } from "./CascadeItem";
import { placed, reweigh, share, USUAL } from "./order";

const TASKS: readonly Task[] = ["text", "edit", "blend"];

/** The order in which a task's platforms are tried; dragging changes their weights. */
export function Cascade({ config }: { config: ConfigSnapshot }) {
  const { t } = useTranslation(["channel", "common"]);
  const [task, setTask] = useState<Task>("text");
  const { cascade, resting } = placed(config.providers, task);
  const { change, fixed } = useWeights(config, task);
  const strategy = config.settings.find(({ path }) => path === "routing.strategy")?.value;
  const weighted = strategy === "weighted";
  const sensors = useSensors(
    useSensor(PointerSensor, { activationConstraint: { distance: 4 } }),
    useSensor(KeyboardSensor, { coordinateGetter: sortableKeyboardCoordinates }),
  );

  const place = (name: string | number | undefined) => cascade.findIndex((item) => item.name === name);
  const onDragEnd = ({ active, over }: DragEndEvent) => {
    if (over) change(reweigh(cascade, place(active.id), place(over.id)));
  };
  const spot = (id: string | number | undefined) => ({ place: place(id) + 1, count: cascade.length });
  const announcements: Announcements = {
    onDragStart: ({ active }) => t("cascade.drag.start", { name: active.id, ...spot(active.id) }),
    onDragOver: ({ active, over }) => t("cascade.drag.over", { name: active.id, ...spot(over?.id) }),
    onDragEnd: ({ active, over }) => t("cascade.drag.end", { name: active.id, ...spot(over?.id) }),
    onDragCancel: ({ active }) => t("cascade.drag.cancel", { name: active.id }),
  };
  const provider = (name: string) => config.providers.find((each) => each.name === name);
  // Those that are off keep their place in the list, and take no part.
  const active = cascade.filter(({ name }) =>
    config.providers.some((each) => each.name === name && takesPart(each, config.demo)),
  );

  return (
    <Section
      title={t("cascade.title")}
      description={
        <>
          {weighted ? t("cascade.weighted") : t("cascade.priority")}{" "}
          <AnchorLink to="/setting" search={{ tab: "drawing" }} inherit underline="always">
            {t("cascade.changeStrategy")}
          </AnchorLink>
        </>
      }
    >
      <SegmentedControl
        aria-label={t("cascade.task")}
        value={task}
        onChange={(next) => setTask(TASKS.find((each) => each === next) ?? "text")}
        data={TASKS.map((value) => ({ value, label: t(`common:task.${value}`) }))}
        mb="sm"
        style={{ alignSelf: "flex-start" }}
      />
      {cascade.length === 0 && (
        <Empty
          icon={<IconArrowsShuffle aria-hidden />}
          title={t("cascade.emptyTitle")}
          description={t("cascade.emptyBody")}
        />
      )}
      <DndContext
        sensors={sensors}
        collisionDetection={closestCenter}
        onDragEnd={onDragEnd}
        accessibility={{ announcements, screenReaderInstructions: { draggable: t("cascade.drag.help") } }}
      >
        <SortableContext items={cascade.map(({ name }) => name)} strategy={verticalListSortingStrategy}>
          <ol className={classes.list} aria-label={t("cascade.title")}>
            {cascade.map((item) => (
              <CascadeItem
                key={item.name}
                rank={active.indexOf(item) + 1 || null}
                item={item}
                task={task}
                provider={provider(item.name)}
                share={weighted ? (active.includes(item) ? share(active, item.weight) : 0) : null}
                fixed={fixed(item.name)}
                onWeigh={(weight) => change({ [item.name]: weight })}
              />
            ))}
          </ol>
        </SortableContext>
      </DndContext>
      {resting.length > 0 && (
        <Group gap="xs" mt="md">
          <Text size="sm" c="dimmed">
            {t("cascade.resting")}
          </Text>
          {resting.map(({ name }) => (
            <Button
              key={name}
              size="compact-sm"
              variant="default"
              disabled={fixed(name)}
              onClick={() => change({ [name]: USUAL })}
              title={t("cascade.include", { name })}
            >
              {provider(name)?.enabled === false ? t("cascade.restingOff", { name }) : name}
            </Button>
          ))}
        </Group>
      )}
    </Section>
  );
}
