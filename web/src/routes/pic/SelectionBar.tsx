import { Group, Paper, Text } from "@mantine/core";
import { IconDownload, IconHeart, IconHeartOff, IconTrash, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { GalleryItem } from "@/api/types";
import { useFormat } from "@/ui/format";
import { ToolButton } from "@/ui/ToolButton";
import classes from "./Gallery.module.css";
import type { PictureActions } from "./usePictureActions";

interface Props {
  chosen: readonly GalleryItem[];
  actions: PictureActions;
  onRemove: () => void;
  onClear: () => void;
}

/** What can be done with the pictures that are selected. */
export function SelectionBar({ chosen, actions, onRemove, onClear }: Props) {
  const { t } = useTranslation("gallery");
  const format = useFormat();
  const bytes = chosen.reduce((sum, item) => sum + item.bytes, 0);
  const allFavorite = chosen.every(({ favorite }) => favorite);
  return (
    <Paper withBorder shadow="lg" px="md" py="xs" radius="xl" className={classes.bar ?? ""}>
      <Group gap="xs" wrap="nowrap" role="toolbar" aria-label={t("selection.label")}>
        <Text size="sm" fw={600} role="status" style={{ whiteSpace: "nowrap" }}>
          {t("selection.count", { count: chosen.length, shown: format.number(chosen.length) })}
        </Text>
        <Text size="sm" c="dimmed" mr="xs" style={{ whiteSpace: "nowrap" }} visibleFrom="xs">
          {format.bytes(bytes)}
        </Text>
        <ToolButton
          label={t(allFavorite ? "selection.unfavorite" : "selection.favorite")}
          onClick={() => actions.setFavorite(chosen, !allFavorite)}
        >
          {allFavorite ? <IconHeartOff size={18} aria-hidden /> : <IconHeart size={18} aria-hidden />}
        </ToolButton>
        <ToolButton
          label={t("selection.zip")}
          loading={actions.isZipping}
          onClick={() => actions.zip(chosen.map(({ filename }) => filename))}
        >
          <IconDownload size={18} aria-hidden />
        </ToolButton>
        <ToolButton label={t("selection.delete")} color="red" onClick={onRemove}>
          <IconTrash size={18} aria-hidden />
        </ToolButton>
        <ToolButton label={t("selection.clear")} onClick={onClear}>
          <IconX size={18} aria-hidden />
        </ToolButton>
      </Group>
    </Paper>
  );
}
