import { Select, type SelectProps } from "@mantine/core";
import { useTranslation } from "react-i18next";

interface Props<T extends string> {
  /** What is chosen; also stands in the empty field. */
  label: string;
  value: T | undefined;
  onChange: (value: T | undefined) => void;
  data: readonly (T | { value: T; label: string })[];
  width?: number;
}

/** One choice of a filter, or none. */
export function FilterSelect<T extends string>({ label, value, onChange, data, width = 160 }: Props<T>) {
  const { t } = useTranslation();
  const values = data.map((entry) => (typeof entry === "string" ? entry : entry.value));
  // A value from the address that is not (or no more) among the choices is still shown, to be taken away.
  const choices = value === undefined || values.includes(value) ? data : [value, ...data];
  return (
    <Select
      aria-label={label}
      placeholder={label}
      w={{ base: "100%", sm: width }}
      data={[...choices] as NonNullable<SelectProps["data"]>}
      value={value ?? null}
      onChange={(next) => onChange((next as T | null) ?? undefined)}
      clearable
      clearButtonProps={{ "aria-label": t("action.clear") }}
      searchable={data.length > 8}
      comboboxProps={{ width: "max-content", position: "bottom-start" }}
    />
  );
}
