import { Button, Group, Modal, ScrollArea, Skeleton, Text } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import type { GalleryPage } from "@/api/types";
import { SearchField } from "@/ui/filters/SearchField";
import { Loaded } from "@/ui/Loaded";
import classes from "./Playground.module.css";

const SHOWN = 60;

interface Props {
  opened: boolean;
  onClose: () => void;
  onPick: (filenames: string[]) => void;
}

/** Chooses pictures of the gallery: the newest, or those that a search finds. */
export function GalleryPicker({ opened, onClose, onPick }: Props) {
  const { t } = useTranslation(["playground", "gallery", "common"]);
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size="xl"
      title={t("picker.title")}
      closeButtonProps={{ "aria-label": t("common:action.close") }}
    >
      <Picker onPick={onPick} />
    </Modal>
  );
}

function Picker({ onPick }: Pick<Props, "onPick">) {
  const { t } = useTranslation(["playground", "gallery", "common"]);
  const [q, setQ] = useState<string>();
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const pictures = useQuery({
    queryKey: ["gallery", "picker", q],
    queryFn: ({ signal }) => api.get<GalleryPage>("/api/gallery", { q, limit: SHOWN }, signal),
    placeholderData: keepPreviousData,
  });
  const toggle = (name: string) =>
    setChosen((before) =>
      before.includes(name) ? before.filter((each) => each !== name) : [...before, name],
    );

  return (
    <>
      <SearchField label={t("gallery:search")} value={q} onChange={setQ} />
      <ScrollArea.Autosize
        mah="55vh"
        my="md"
        viewportProps={{ tabIndex: 0, "aria-label": t("picker.title") }}
      >
        <Loaded query={pictures} skeleton={<Skeleton h={320} />}>
          {({ items }) =>
            items.length === 0 ? (
              <Text c="dimmed" ta="center" py="xl">
                {t("gallery:none.title")}
              </Text>
            ) : (
              <div className={classes.picker}>
                {items.map(({ filename, url, metadata }) => (
                  <button
                    key={filename}
                    type="button"
                    className={classes.pickable}
                    aria-pressed={chosen.includes(filename)}
                    aria-label={metadata.prompt.slice(0, 120)}
                    title={metadata.prompt}
                    onClick={() => toggle(filename)}
                  >
                    <img src={`${url}?thumb=256`} alt="" loading="lazy" decoding="async" />
                    {chosen.includes(filename) && <IconCheck size={16} stroke={3} aria-hidden />}
                  </button>
                ))}
              </div>
            )
          }
        </Loaded>
      </ScrollArea.Autosize>
      <Group justify="flex-end">
        <Button disabled={chosen.length === 0} onClick={() => onPick([...chosen])}>
          {t("picker.add", { count: chosen.length })}
        </Button>
      </Group>
    </>
  );
}
