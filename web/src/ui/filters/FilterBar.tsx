import { Button, Indicator } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAdjustmentsHorizontal, IconX } from "@tabler/icons-react";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import classes from "./FilterBar.module.css";

interface Props {
  search: ReactNode;
  /** How many filters are set, the search not counted. */
  active: number;
  onClear: () => void;
  children: ReactNode;
}

/** A search and filters beside it; where there is little room, the filters unfold. */
export function FilterBar({ search, active, onClear, children }: Props) {
  const { t } = useTranslation("lists");
  const [open, { toggle }] = useDisclosure();
  const fields = useId();
  return (
    <search className={classes.bar} aria-label={t("filters")}>
      <div className={classes.search}>{search}</div>
      <Indicator label={active} size={18} disabled={active === 0} className={classes.toggle ?? ""}>
        <Button
          variant="default"
          leftSection={<IconAdjustmentsHorizontal size={16} aria-hidden />}
          onClick={toggle}
          aria-expanded={open}
          aria-controls={fields}
        >
          {t("filters")}
        </Button>
      </Indicator>
      <div className={classes.fields} id={fields} data-open={open || undefined}>
        {children}
        {active > 0 && (
          <Button
            variant="subtle"
            color="gray"
            leftSection={<IconX size={14} aria-hidden />}
            onClick={onClear}
          >
            {t("clearFilters")}
          </Button>
        )}
      </div>
    </search>
  );
}
