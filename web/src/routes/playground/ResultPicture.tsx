import { ActionIcon, CopyButton, Group, Text, Tooltip } from "@mantine/core";
import { IconBrush, IconCheck, IconDownload, IconLink, IconPhoto, IconPhotoEdit } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { configQuery } from "@/api/queries";
import type { GalleryItem } from "@/api/types";
import { publicLink } from "@/ui/pictures";
import { ToolButton } from "@/ui/ToolButton";
import { fetchPicture, readPicture } from "./inputs";
import classes from "./Playground.module.css";
import type { Drawn } from "./run";
import { playground } from "./store";

interface Props {
  picture: Drawn;
  /** The same picture in the gallery, once it is there. */
  stored: GalleryItem | null;
  prompt: string;
}

const EDIT_NAME = "picture.png";

/** A picture that was drawn, and what can be done with it next. */
export function ResultPicture({ picture, stored, prompt }: Props) {
  const { t } = useTranslation("playground");
  const navigate = useNavigate();
  const config = useQuery(configQuery);
  const using = useMutation({
    mutationFn: async () => {
      // From the gallery, if it is there: the address then says what was drawn from.
      if (stored) return fetchPicture(stored.filename);
      return picture.blob ? readPicture(picture.blob, EDIT_NAME) : null;
    },
    onSuccess: (input) => {
      if (!input) return;
      playground.setInputs([input]);
      playground.change({ prompt: "" });
      window.scrollTo({ top: 0, behavior: "smooth" });
      document.querySelector<HTMLTextAreaElement>("form textarea")?.focus({ preventScroll: true });
    },
  });
  const usable = stored !== null || picture.blob !== null;
  const link = stored ? publicLink(stored, config.data) : picture.blob ? null : picture.url;

  return (
    <figure className={classes.figure}>
      <div className={classes.result}>
        <img src={picture.url} alt={prompt} />
      </div>
      {picture.revisedPrompt && picture.revisedPrompt !== prompt && (
        <Text component="figcaption" size="xs" c="dimmed" mt={6} lineClamp={3} title={picture.revisedPrompt}>
          {t("revised", { prompt: picture.revisedPrompt })}
        </Text>
      )}
      <Group gap={2} mt={4}>
        <ToolButton
          label={t("result.edit")}
          disabled={!usable}
          loading={using.isPending}
          onClick={() => using.mutate()}
        >
          <IconPhotoEdit size={18} aria-hidden />
        </ToolButton>
        <ToolButton
          label={t("result.mask")}
          disabled={!usable}
          onClick={() => using.mutate(undefined, { onSuccess: () => playground.paintMask(true) })}
        >
          <IconBrush size={18} aria-hidden />
        </ToolButton>
        <ToolButton
          label={t("result.gallery")}
          disabled={stored === null}
          onClick={() => stored && void navigate({ to: "/pic", search: { picture: stored.filename } })}
        >
          <IconPhoto size={18} aria-hidden />
        </ToolButton>
        {link && (
          <CopyButton value={link} timeout={1_500}>
            {({ copied, copy }) => (
              <ToolButton label={t(copied ? "result.copied" : "result.link")} onClick={copy}>
                {copied ? <IconCheck size={18} aria-hidden /> : <IconLink size={18} aria-hidden />}
              </ToolButton>
            )}
          </CopyButton>
        )}
        <Tooltip label={t("result.download")}>
          <ActionIcon
            component="a"
            href={stored?.url ?? picture.url}
            download={stored?.filename ?? EDIT_NAME}
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={t("result.download")}
          >
            <IconDownload size={18} aria-hidden />
          </ActionIcon>
        </Tooltip>
      </Group>
    </figure>
  );
}
