import { Autocomplete, Group, InputWrapper, UnstyledButton } from "@mantine/core";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { isSize, shapeOf } from "./form";
import classes from "./Playground.module.css";

const SHAPES = ["1:1", "4:3", "3:4", "16:9", "9:16"];
const SCALES = ["1K", "2K", "4K"];
const LONG_SIDE = 18;

interface Props {
  value: string;
  sizes: string[];
  onChange: (size: string) => void;
}

/** A size: a shape at a click, or exactly. */
export function SizeField({ value, sizes, onChange }: Props) {
  const { t } = useTranslation("playground");
  const id = useId();
  return (
    <InputWrapper label={t("size.label")} labelProps={{ htmlFor: id }}>
      <Group gap={6} mb={6} role="group" aria-label={t("size.shape")}>
        {SHAPES.map((shape) => {
          const ratio = shapeOf(shape);
          const width = ratio >= 1 ? LONG_SIDE : LONG_SIDE * ratio;
          return (
            <UnstyledButton
              key={shape}
              className={classes.shape ?? ""}
              aria-pressed={value === shape}
              onClick={() => onChange(value === shape ? "" : shape)}
            >
              <span className={classes.shapeBox} aria-hidden>
                <span style={{ width, height: width / ratio }} />
              </span>
              {shape}
            </UnstyledButton>
          );
        })}
      </Group>
      <Autocomplete
        id={id}
        placeholder={t("size.automatic")}
        error={isSize(value) ? null : t("size.wrong")}
        data={[
          { group: t("size.exact"), items: sizes },
          { group: t("size.scale"), items: SCALES },
        ]}
        // The list is for choosing anew: it must not shrink to what is chosen.
        filter={({ options }) => options}
        value={value}
        onChange={onChange}
        clearable
        clearButtonProps={{ "aria-label": t("size.clear") }}
      />
    </InputWrapper>
  );
}
