import { Button, Card, Group, NumberInput, Stack, Text, Textarea } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconPlayerStopFilled, IconSparkles } from "@tabler/icons-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { ConfigSnapshot } from "@/api/types";
import { CodeSamples } from "./CodeSamples";
import { isSize, taskOf, toFields } from "./form";
import { InputPictures } from "./InputPictures";
import { ModelSelect } from "./ModelSelect";
import { MoreParameters } from "./MoreParameters";
import { abilitiesOf, type Model } from "./models";
import classes from "./Playground.module.css";
import { SizeField } from "./SizeField";
import { playground, usePlayground } from "./store";
import { useDraw } from "./useDraw";

interface Props {
  models: readonly Model[];
  config: ConfigSnapshot;
}

/** What to draw. */
export function DrawForm({ models, config }: Props) {
  const { t } = useTranslation(["playground", "common"]);
  const { form, inputs, mask, runs } = usePlayground();
  const { providers } = config;
  const task = taskOf(inputs.length);
  const abilities = useMemo(
    () => abilitiesOf(form.model, task, models, providers),
    [form.model, task, models, providers],
  );
  const { draw, cancel } = useDraw(abilities);
  const drawing = runs[0]?.state === "drawing";
  const tooMany = inputs.length > 0 && inputs.length > abilities.maxInputs && abilities.able;
  const ready = form.prompt.trim() !== "" && isSize(form.size) && !drawing;
  const submit = () => {
    if (ready) draw();
  };
  useHotkeys([["mod+Enter", submit]], []);

  return (
    <div className={classes.form}>
      <Card
        component="form"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Stack gap="md">
          <ModelSelect models={models} providers={providers} task={task} able={abilities.able} />
          <Textarea
            label={t("prompt")}
            placeholder={t(`promptHint.${task}`)}
            autosize
            minRows={4}
            maxRows={14}
            value={form.prompt}
            onChange={(event) => playground.change({ prompt: event.currentTarget.value })}
          />
          <InputPictures abilities={abilities} tooMany={tooMany} task={task} />
          <SizeField
            value={form.size}
            sizes={abilities.sizes}
            onChange={(size) => playground.change({ size })}
          />
          <NumberInput
            label={t("count")}
            min={1}
            max={abilities.maxN}
            clampBehavior="strict"
            allowDecimal={false}
            value={form.n}
            onChange={(n) => playground.change({ n: Number(n) || 1 })}
            w={140}
          />
          <MoreParameters form={form} abilities={abilities} />
          <Group gap="sm">
            {drawing ? (
              <Button
                variant="default"
                leftSection={<IconPlayerStopFilled size={16} aria-hidden />}
                onClick={cancel}
              >
                {t("common:action.cancel")}
              </Button>
            ) : (
              <Button type="submit" disabled={!ready} leftSection={<IconSparkles size={16} aria-hidden />}>
                {t("draw")}
              </Button>
            )}
            <Text size="xs" c="dimmed" visibleFrom="sm">
              {t("drawKey")}
            </Text>
          </Group>
        </Stack>
      </Card>
      <div className={classes.samples}>
        <CodeSamples
          sample={{
            address: config.address,
            fields: toFields(form, abilities),
            pictures: inputs.map(({ name }) => name),
            mask: mask !== null && task === "edit",
          }}
        />
      </div>
    </div>
  );
}
