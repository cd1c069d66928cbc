import { Skeleton } from "@mantine/core";
import { IconPhoto } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { newestPicturesQuery } from "@/api/queries";
import type { GalleryItem } from "@/api/types";
import { Empty } from "@/ui/Empty";
import { Loaded } from "@/ui/Loaded";
import { AnchorLink, ButtonLink } from "@/ui/links";
import { Section } from "@/ui/Section";
import classes from "./Dashboard.module.css";

const SHOWN = 15;

export function NewestPictures() {
  const { t } = useTranslation("dashboard");
  const pictures = useQuery(newestPicturesQuery(SHOWN));
  return (
    <Section
      title={t("pictures.title")}
      actions={
        <AnchorLink to="/pic" size="sm">
          {t("pictures.all")}
        </AnchorLink>
      }
    >
      <Loaded query={pictures} skeleton={<Skeleton h={280} />}>
        {(items) =>
          items.length === 0 ? (
            <Empty
              icon={<IconPhoto aria-hidden />}
              title={t("pictures.emptyTitle")}
              description={t("pictures.emptyBody")}
              action={<ButtonLink to="/playground">{t("charts.draw")}</ButtonLink>}
            />
          ) : (
            <div className={classes.pictures}>
              {items.map((item) => (
                <Thumb key={item.filename} item={item} />
              ))}
            </div>
          )
        }
      </Loaded>
    </Section>
  );
}

function Thumb({ item }: { item: GalleryItem }) {
  const { prompt } = item.metadata;
  return (
    <Link to="/requests/$id" params={{ id: item.requestId }} className={classes.picture} title={prompt}>
      <img src={`${item.url}?thumb=256`} alt={prompt} loading="lazy" decoding="async" />
    </Link>
  );
}
