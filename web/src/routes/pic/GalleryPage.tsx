import { Button, Skeleton, Text } from "@mantine/core";
import { IconPhoto, IconPhotoSearch } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, type ReactElement, Suspense, useCallback, useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { GalleryFilter } from "@/api/queries";
import type { GalleryItem } from "@/api/types";
import { Empty } from "@/ui/Empty";
import { ErrorState } from "@/ui/ErrorState";
import { FreshPill } from "@/ui/FreshPill";
import { useFormat } from "@/ui/format";
import { ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import classes from "./Gallery.module.css";
import { GalleryFilters } from "./GalleryFilters";
import { Grid } from "./Grid";
import { SelectionBar } from "./SelectionBar";
import { usePictureActions } from "./usePictureActions";
import { usePictures } from "./usePictures";
import { useSelection } from "./useSelection";
import { useViewer } from "./useViewer";

const route = getRouteApi("/panel/pic");
const Viewer = lazy(() => import("./viewer/Viewer"));

export default function GalleryPage(): ReactElement {
  const { t } = useTranslation(["gallery", "common"]);
  const format = useFormat();
  const search = route.useSearch();
  const filter: GalleryFilter = useMemo(() => {
    const { picture: _, ...rest } = search;
    return rest;
  }, [search]);
  const navigate = route.useNavigate();
  const { list, items, total, fresh, renew, more } = usePictures(filter);
  const actions = usePictureActions();
  const { names, select, selectAll, drop, clear } = useSelection(items);
  const viewer = useViewer(items, list.isSuccess);
  const chosen = useMemo(
    () => (names.size === 0 ? [] : items.filter(({ filename }) => names.has(filename))),
    [items, names],
  );

  const remove = useCallback(
    (filenames: string[]) => {
      actions.remove(filenames);
      drop(filenames);
    },
    [actions, drop],
  );
  // The Delete key means the selection, if there is one, else the picture that has the focus.
  const removeAt = useCallback(
    ({ filename }: GalleryItem) => remove(names.size > 0 ? [...names] : [filename]),
    [remove, names],
  );
  const toggleFavorite = useCallback(
    (item: GalleryItem) => actions.setFavorite([item], !item.favorite),
    [actions],
  );
  const setFilter = useCallback(
    (next: GalleryFilter) => {
      clear();
      void navigate({ search: next, replace: true, resetScroll: false });
    },
    [navigate, clear],
  );
  const showFresh = () => {
    renew();
    window.scrollTo({ top: 0 });
  };

  return (
    <>
      <PageHeader
        title={t("common:nav.gallery")}
        description={list.data ? t("total", { count: total, shown: format.number(total) }) : t("description")}
        actions={items.length > 0 && <KeyHints />}
      />
      <GalleryFilters filter={filter} onChange={setFilter} />
      <FreshPill count={fresh} onShow={showFresh} />
      {list.isPending && <GridSkeleton />}
      {list.isError && <ErrorState error={list.error} onRetry={() => void list.refetch()} />}
      {list.isSuccess && items.length === 0 && (
        <NoPictures filtered={Object.keys(filter).length > 0} onClear={() => setFilter({})} />
      )}
      {items.length > 0 && (
        <Grid
          items={items}
          selected={names}
          onOpen={viewer.open}
          onSelect={select}
          onSelectAll={selectAll}
          onClear={clear}
          onRemove={removeAt}
          onFavorite={toggleFavorite}
          onNearEnd={more}
        />
      )}
      {names.size > 0 && (
        <SelectionBar chosen={chosen} actions={actions} onRemove={() => remove([...names])} onClear={clear} />
      )}
      {viewer.index >= 0 && (
        <Suspense>
          <Viewer
            items={viewer.shown}
            index={viewer.index}
            total={total}
            onView={viewer.view}
            onClose={viewer.close}
            onRemove={({ filename }) => remove([filename])}
            onFavorite={toggleFavorite}
            onNearEnd={more}
          />
        </Suspense>
      )}
    </>
  );
}

function KeyHints() {
  const { t } = useTranslation("gallery");
  return (
    <Text size="xs" c="dimmed" visibleFrom="md" maw={420} ta="right">
      {t("keys")}
    </Text>
  );
}

function NoPictures({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  const { t } = useTranslation(["gallery", "lists"]);
  if (filtered) {
    return (
      <Empty
        icon={<IconPhotoSearch aria-hidden />}
        title={t("none.title")}
        description={t("none.body")}
        action={
          <Button variant="default" onClick={onClear}>
            {t("lists:clearFilters")}
          </Button>
        }
      />
    );
  }
  return (
    <Empty
      icon={<IconPhoto aria-hidden />}
      title={t("empty.title")}
      description={t("empty.body")}
      action={<ButtonLink to="/playground">{t("empty.action")}</ButtonLink>}
    />
  );
}

const SHAPES = [210, 280, 160, 210, 320, 210, 160, 280, 210, 250, 210, 160, 300, 210, 230, 280];

function GridSkeleton() {
  const { t } = useTranslation("common");
  return (
    <div className={classes.skeleton} role="status" aria-busy="true" aria-label={t("state.loading")}>
      {SHAPES.map((width, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the list never changes
        <Skeleton key={index} w={width} h={208} radius="sm" />
      ))}
    </div>
  );
}
