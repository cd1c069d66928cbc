import {
  ActionIcon,
  Collapse,
  Group,
  NumberInput,
  Select,
  Stack,
  Textarea,
  Tooltip,
  UnstyledButton,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconChevronRight, IconDice5 } from "@tabler/icons-react";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import type { Form } from "./form";
import type { Abilities } from "./models";
import classes from "./Playground.module.css";
import { playground } from "./store";

const QUALITIES = ["low", "medium", "high", "hd"];
/** What every platform with seeds takes. */
const HIGHEST_SEED = 2_147_483_647;

interface Props {
  form: Form;
  abilities: Abilities;
}

const orNull = (value: string | number) => (value === "" ? null : Number(value));

/** What the chosen model takes besides; folded until something of it is set. */
export function MoreParameters({ form, abilities }: Props) {
  const { t } = useTranslation("playground");
  const isSet = form.seed !== null || form.steps !== null || form.negative !== "" || form.quality !== "";
  const [open, { toggle }] = useDisclosure(isSet);
  const panel = useId();
  const { seed, steps, negative, quality } = abilities;
  if (!seed && !steps && !negative && !quality) return null;
  return (
    <div>
      <UnstyledButton
        className={classes.more ?? ""}
        onClick={toggle}
        aria-expanded={open}
        aria-controls={panel}
      >
        <IconChevronRight size={16} aria-hidden className={classes.chevron} data-open={open || undefined} />
        {t("more")}
      </UnstyledButton>
      <Collapse expanded={open} id={panel}>
        <Stack gap="sm" pt="sm">
          {seed && (
            <Group gap={6} align="flex-end" wrap="nowrap">
              <NumberInput
                flex={1}
                label={t("seed")}
                placeholder={t("seedHint")}
                min={0}
                max={HIGHEST_SEED}
                allowDecimal={false}
                allowNegative={false}
                value={form.seed ?? ""}
                onChange={(value) => playground.change({ seed: orNull(value) })}
              />
              <Tooltip label={t("seedRoll")}>
                <ActionIcon
                  variant="default"
                  size={36}
                  aria-label={t("seedRoll")}
                  onClick={() => playground.change({ seed: Math.floor(Math.random() * HIGHEST_SEED) })}
                >
                  <IconDice5 size={18} aria-hidden />
                </ActionIcon>
              </Tooltip>
            </Group>
          )}
          {steps && (
            <NumberInput
              label={t("steps")}
              placeholder={t("modelDefault")}
              min={1}
              max={100}
              allowDecimal={false}
              value={form.steps ?? ""}
              onChange={(value) => playground.change({ steps: orNull(value) })}
            />
          )}
          {quality && (
            <Select
              label={t("quality")}
              placeholder={t("modelDefault")}
              data={QUALITIES}
              clearable
              clearButtonProps={{ "aria-label": t("qualityClear") }}
              value={form.quality || null}
              onChange={(value) => playground.change({ quality: value ?? "" })}
            />
          )}
          {negative && (
            <Textarea
              label={t("negative")}
              placeholder={t("negativeHint")}
              autosize
              minRows={2}
              value={form.negative}
              onChange={(event) => playground.change({ negative: event.currentTarget.value })}
            />
          )}
        </Stack>
      </Collapse>
    </div>
  );
}
