import { ActionIcon } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { IconChevronDown, IconInfoCircle } from "@tabler/icons-react";
import { type PropsWithChildren, useId } from "react";
import { useTranslation } from "react-i18next";
import { useViewerState } from "./context";
import { Details } from "./Details";
import classes from "./Viewer.module.css";

/** The picture and, beside it (on a phone: over it, when asked for), what is known about it. */
export function DetailsLayout({ children }: PropsWithChildren) {
  const { t } = useTranslation("gallery");
  const { item } = useViewerState();
  const panel = useId();
  const narrow = useMediaQuery("(max-width: 61.99em)", false, { getInitialValueInEffect: false });
  const [asked, { toggle }] = useDisclosure();
  const open = asked || !narrow;
  return (
    <div className={classes.layout}>
      <div className={classes.stage}>
        {children}
        {narrow && (
          <ActionIcon
            className={classes.info ?? ""}
            variant="subtle"
            color="gray"
            size={44}
            radius="xl"
            onClick={toggle}
            aria-expanded={asked}
            aria-controls={panel}
            aria-label={t("viewer.details")}
          >
            {asked ? <IconChevronDown aria-hidden /> : <IconInfoCircle aria-hidden />}
          </ActionIcon>
        )}
      </div>
      {open && (
        <aside id={panel} className={classes.details} aria-label={t("viewer.details")}>
          {item && <Details key={item.filename} item={item} />}
        </aside>
      )}
    </div>
  );
}
