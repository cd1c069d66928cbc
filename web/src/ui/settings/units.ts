import { useTranslation } from "react-i18next";

const UNITS = ["days", "characters", "pictures", "steps", "s", "ms", "bytes", "MB"] as const;

/** The name of a setting's unit in the panel's language. */
export function useUnitName() {
  const { t } = useTranslation();
  return (unit: string) => {
    const known = UNITS.find((each) => each === unit);
    return known ? t(`setting.unit.${known}`) : unit;
  };
}
