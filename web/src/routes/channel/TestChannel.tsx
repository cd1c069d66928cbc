import {
  Button,
  Group,
  Image,
  Modal,
  SegmentedControl,
  Skeleton,
  Stack,
  Text,
  Textarea,
} from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import type { AttemptRow, ChannelTrial, Provider, Task } from "@/api/types";
import { ErrorState } from "@/ui/ErrorState";
import { useFormat } from "@/ui/format";
import { StatusBadge } from "@/ui/StatusBadge";

const TASKS: readonly Task[] = ["text", "edit", "blend"];

interface Props {
  provider: Provider | undefined;
  onClose: () => void;
}

/** Draws a small picture with one platform, whatever its weight. */
export default function TestChannel({ provider, onClose }: Props) {
  const { t } = useTranslation(["channel", "common"]);
  return (
    <Modal
      opened={provider !== undefined}
      onClose={onClose}
      title={provider && t("test.title", { name: provider.name })}
      closeButtonProps={{ "aria-label": t("common:action.close") }}
    >
      {provider && <Trial key={provider.name} provider={provider} />}
    </Modal>
  );
}

function Trial({ provider }: { provider: Provider }) {
  const { t } = useTranslation(["channel", "common"]);
  const tasks = TASKS.filter((task) => provider.tasks[task] !== undefined);
  const [task, setTask] = useState<Task>(tasks[0] ?? "text");
  const [prompt, setPrompt] = useState("");
  const trial = useMutation({
    mutationFn: () =>
      api.post<ChannelTrial>("/api/tools/test-channel", {
        provider: provider.name,
        task,
        ...(prompt.trim() ? { prompt: prompt.trim() } : {}),
      }),
    meta: { quiet: true },
  });
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t("test.description")}
      </Text>
      <SegmentedControl
        aria-label={t("cascade.task")}
        value={task}
        onChange={(next) => setTask(tasks.find((each) => each === next) ?? "text")}
        data={tasks.map((value) => ({ value, label: t(`common:task.${value}`) }))}
      />
      <Textarea
        label={t("test.prompt")}
        placeholder={t("test.promptHint")}
        autosize
        minRows={2}
        value={prompt}
        onChange={(event) => setPrompt(event.currentTarget.value)}
      />
      {trial.isPending && <Skeleton h={240} />}
      {trial.error && <ErrorState error={trial.error} />}
      {trial.data && !trial.isPending && <Outcome trial={trial.data} />}
      <Group justify="flex-end">
        <Button onClick={() => trial.mutate()} loading={trial.isPending}>
          {trial.data ? t("test.again") : t("test.run")}
        </Button>
      </Group>
    </Stack>
  );
}

function Outcome({ trial: { ok, message, durationMs, picture, attempts } }: { trial: ChannelTrial }) {
  const { t } = useTranslation(["channel", "common"]);
  const format = useFormat();
  return (
    <Stack gap="xs" role="status">
      <Group gap="xs">
        <StatusBadge tone={ok ? "good" : "bad"}>
          {t(ok ? "common:trial.ok" : "common:trial.failed")}
        </StatusBadge>
        <Text size="sm" c="dimmed">
          {format.duration(durationMs)}
        </Text>
      </Group>
      <Text size="sm">{message}</Text>
      {picture && (
        <Image
          src={`${picture.url}?thumb=512`}
          alt={picture.metadata.prompt}
          radius="md"
          h={240}
          fit="contain"
          bg="var(--mantine-color-default-hover)"
        />
      )}
      {attempts.map((attempt) => (
        <Attempt key={`${attempt.startedMs} ${attempt.provider}`} attempt={attempt} />
      ))}
    </Stack>
  );
}

function Attempt({ attempt: { key, model, outcome, message, durationMs } }: { attempt: AttemptRow }) {
  const { t } = useTranslation();
  const format = useFormat();
  const known = t(`outcome.${outcome}`, { defaultValue: outcome });
  return (
    <Text size="xs" c="dimmed">
      {[model, key, known, format.duration(durationMs), message].filter(Boolean).join(" · ")}
    </Text>
  );
}
