import { Alert, Button, Group, SimpleGrid, Skeleton, Text, Textarea, Title } from "@mantine/core";
import { IconInfoCircle, IconWand } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import type { OptimizerTrial } from "@/api/types";
import { CopyButton } from "@/ui/CopyButton";
import { ErrorState } from "@/ui/ErrorState";
import { useFormat } from "@/ui/format";
import { Section } from "@/ui/Section";
import classes from "./Optimizer.module.css";

interface Props {
  /** There are changes that the trial does not know of. */
  unsaved: boolean;
  configured: boolean;
}

/** Tries the optimizer: the prompt before and after, side by side. */
export function Trial({ unsaved, configured }: Props) {
  const { t } = useTranslation("optimizer");
  const format = useFormat();
  const [prompt, setPrompt] = useState(() => t("trial.example"));
  const trial = useMutation({
    mutationFn: () => api.post<OptimizerTrial>("/api/tools/test-prompt-optimizer", { prompt }),
    meta: { quiet: true },
  });
  const { data } = trial;
  return (
    <Section
      title={t("trial.title")}
      description={t("trial.description")}
      actions={
        <Button
          leftSection={<IconWand size={16} aria-hidden />}
          loading={trial.isPending}
          disabled={!configured || prompt.trim() === ""}
          onClick={() => trial.mutate()}
        >
          {t("trial.run")}
        </Button>
      }
    >
      {(unsaved || !configured) && (
        <Alert color="gray" variant="light" mb="md" py="xs" icon={<IconInfoCircle aria-hidden />}>
          {t(configured ? "trial.unsaved" : "trial.notConfigured")}
        </Alert>
      )}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Textarea
          label={t("trial.before")}
          autosize
          minRows={6}
          maxRows={14}
          value={prompt}
          onChange={(event) => setPrompt(event.currentTarget.value)}
        />
        <div>
          <Group justify="space-between" h={22} mb={2} wrap="nowrap">
            <Title order={3} fz="sm" fw={500}>
              {t("trial.after")}
            </Title>
            {data?.ok && <CopyButton value={data.after} label={t("trial.copy")} />}
          </Group>
          <div className={classes.after} aria-live="polite">
            {trial.isPending && <Skeleton h={80} />}
            {!trial.isPending && trial.error && <ErrorState error={trial.error} />}
            {!trial.isPending && data && !data.ok && (
              <ErrorState error={new Error(data.message)} title={t("trial.failed")} />
            )}
            {!trial.isPending && data?.ok && data.after}
            {trial.isIdle && (
              <Text size="sm" c="dimmed">
                {t("trial.idle")}
              </Text>
            )}
          </div>
          {data && !trial.isPending && (
            <Text size="xs" c="dimmed" mt={6}>
              {t("trial.took", { duration: format.duration(data.durationMs), model: data.model })}
            </Text>
          )}
        </div>
      </SimpleGrid>
    </Section>
  );
}
