import { ActionIcon, Group, Stack, Text, Title, Tooltip } from "@mantine/core";
import {
  IconArrowsDiff,
  IconDownload,
  IconHeart,
  IconHeartFilled,
  IconPhotoEdit,
  IconRefresh,
  IconTrash,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { configQuery } from "@/api/queries";
import type { GalleryItem } from "@/api/types";
import { CopyButton } from "@/ui/CopyButton";
import { useFormat } from "@/ui/format";
import { AnchorLink, ButtonLink } from "@/ui/links";
import { publicLink } from "@/ui/pictures";
import { ToolButton } from "@/ui/ToolButton";
import { redrawSearch } from "../../playground/search";
import { useViewerState } from "./context";
import classes from "./Viewer.module.css";

/** Parameters that stand among the facts already. */
const TOLD = ["size", "provider", "model", "task"];

/** What is known about a picture, and what can be done with it. */
export function Details({ item }: { item: GalleryItem }) {
  const { t } = useTranslation(["gallery", "common"]);
  const format = useFormat();
  const config = useQuery(configQuery);
  const { position, total, remove, toggleFavorite } = useViewerState();
  const { prompt, model, params, timestamp } = item.metadata;
  const favorite = t(item.favorite ? "viewer.unfavorite" : "viewer.favorite");

  return (
    <Stack gap="lg">
      <Group justify="space-between" wrap="nowrap">
        <Text size="xs" c="dimmed">
          {t("viewer.position", { position: format.number(position), total: format.number(total) })}
        </Text>
        <Group gap={2} wrap="nowrap">
          <ToolButton
            label={favorite}
            onClick={toggleFavorite}
            pressed={item.favorite}
            color={item.favorite ? "red" : "gray"}
          >
            {item.favorite ? <IconHeartFilled size={18} aria-hidden /> : <IconHeart size={18} aria-hidden />}
          </ToolButton>
          <Tooltip label={t("viewer.download")}>
            <ActionIcon
              component="a"
              href={item.url}
              download={item.filename}
              variant="subtle"
              color="gray"
              size="lg"
              aria-label={t("viewer.download")}
            >
              <IconDownload size={18} aria-hidden />
            </ActionIcon>
          </Tooltip>
          <ToolButton label={t("selection.delete")} onClick={remove}>
            <IconTrash size={18} aria-hidden />
          </ToolButton>
        </Group>
      </Group>

      <Written title={t("viewer.prompt")} text={prompt} copy={t("viewer.copyPrompt")} />
      {item.revisedPrompt && (
        <Written title={t("viewer.revised")} text={item.revisedPrompt} copy={t("viewer.copyRevised")} />
      )}

      <Group gap="xs">
        <ButtonLink
          to="/playground"
          search={redrawSearch(item)}
          leftSection={<IconRefresh size={16} aria-hidden />}
        >
          {t("viewer.again")}
        </ButtonLink>
        <ButtonLink
          to="/playground"
          search={{ pictures: [item.filename] }}
          variant="default"
          leftSection={<IconPhotoEdit size={16} aria-hidden />}
        >
          {t("viewer.asInput")}
        </ButtonLink>
        <CopyButton full value={publicLink(item, config.data)} label={t("viewer.copyLink")} />
      </Group>

      <dl className={classes.facts}>
        <Fact name={t("viewer.drawn")}>{format.dateTime(timestamp)}</Fact>
        <Fact name={t("filter.provider")}>{item.provider}</Fact>
        <Fact name={t("filter.model")}>{model}</Fact>
        <Fact name={t("viewer.task")}>{t(`common:task.${item.task}`)}</Fact>
        <Fact name={t("viewer.size")}>
          {`${item.width} × ${item.height} · ${item.format.toUpperCase()} · ${format.bytes(item.bytes)}`}
        </Fact>
        <Fact name={t("viewer.client")}>{item.client}</Fact>
        {Object.entries(params)
          .filter(([name, value]) => !TOLD.includes(name) && value !== null && value !== "")
          .map(([name, value]) => (
            <Fact key={name} name={<code>{name}</code>}>
              {typeof value === "object" ? JSON.stringify(value) : String(value)}
            </Fact>
          ))}
      </dl>

      <AnchorLink to="/requests/$id" params={{ id: item.requestId }} size="sm">
        <Group gap={6} wrap="nowrap" component="span">
          <IconArrowsDiff size={16} aria-hidden />
          {t("viewer.request")}
        </Group>
      </AnchorLink>
    </Stack>
  );
}

function Written({ title, text, copy }: { title: string; text: string; copy: string }) {
  return (
    <section>
      <Group justify="space-between" wrap="nowrap">
        <Title order={2} fz="sm">
          {title}
        </Title>
        <CopyButton value={text} label={copy} />
      </Group>
      <Text size="sm" className={classes.prompt ?? ""}>
        {text}
      </Text>
    </section>
  );
}

function Fact({ name, children }: { name: ReactNode; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
