import { Button, Transition } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import classes from "./FreshPill.module.css";

interface Props {
  count: number;
  /** There are at least `count`. */
  more?: boolean;
  onShow: () => void;
  /** Where the new ones are. */
  towards?: "top" | "bottom";
}

/** Says that there is something new, without moving what is being looked at. */
export function FreshPill({ count, more = false, onShow, towards = "top" }: Props) {
  const { t } = useTranslation("lists");
  const Icon = towards === "top" ? IconArrowUp : IconArrowDown;
  return (
    <div className={classes.place} data-towards={towards} role="status">
      <Transition mounted={count > 0} transition={towards === "top" ? "slide-down" : "slide-up"}>
        {(styles) => (
          <Button
            style={styles}
            radius="xl"
            size="xs"
            className={classes.pill ?? ""}
            leftSection={<Icon size={14} aria-hidden />}
            onClick={onShow}
          >
            {t(more ? "freshMore" : "fresh", { count })}
          </Button>
        )}
      </Transition>
    </div>
  );
}
