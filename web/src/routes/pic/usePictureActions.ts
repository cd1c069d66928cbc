import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import type {
  Done,
  GalleryDeleted,
  GalleryItem,
  GalleryPage,
  GalleryRestored,
  GalleryZip,
} from "@/api/types";
import { useFormat } from "@/ui/format";
import { notifyDone, notifyError, notifyUndo } from "@/ui/toast";
import {
  GRID,
  type Pages,
  PROBE,
  pageWithout,
  pick,
  withFavorite,
  withoutPictures,
  withPictures,
} from "./pictures";

/** Takes pictures out of every list; the answer puts (some of) them back. */
function takeOut(client: QueryClient, names: ReadonlySet<string>) {
  const taken = client
    .getQueriesData<Pages>({ queryKey: GRID })
    .map(([key, data]) => ({ key, items: data ? pick(data, names) : [] }));
  client.setQueriesData<Pages>({ queryKey: GRID }, (data) => data && withoutPictures(data, names));
  client.setQueriesData<GalleryPage>({ queryKey: PROBE }, (page) => page && pageWithout(page, names));
  return (back: ReadonlySet<string>) => {
    for (const { key, items } of taken) {
      const returning: GalleryItem[] = items.filter(({ filename }) => back.has(filename));
      client.setQueryData<Pages>(key, (data) => data && withPictures(data, returning));
    }
    void client.invalidateQueries({ queryKey: ["gallery"] });
  };
}

function download(url: string) {
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  link.click();
}

/** What can be done with pictures, one or many. */
export function usePictureActions() {
  const { t } = useTranslation("gallery");
  const format = useFormat();
  const client = useQueryClient();

  const restoring = useMutation({
    mutationFn: ({ filenames }: { filenames: string[]; putBack: (names: ReadonlySet<string>) => void }) =>
      api.post<GalleryRestored>("/api/gallery/restore", { filenames }),
    onSuccess: ({ restored }, { filenames, putBack }) => {
      putBack(new Set(restored));
      const lost = filenames.length - restored.length;
      if (lost > 0) notifyError(new Error(t("notRestored", { count: lost })));
    },
  });

  const deleting = useMutation({
    mutationFn: (filenames: string[]) => api.delete<GalleryDeleted>("/api/gallery", { filenames }),
    onMutate: (filenames) => takeOut(client, new Set(filenames)),
    onError: (_error, filenames, putBack) => putBack?.(new Set(filenames)),
    onSuccess: ({ deleted, failed, undoUntil }, _filenames, putBack) => {
      if (failed.length > 0) {
        putBack(new Set(failed.map(({ filename }) => filename)));
        notifyError(new Error(t("notDeleted", { count: failed.length, reason: failed[0]?.error })));
      }
      void client.invalidateQueries({ queryKey: ["gallery"] });
      if (deleted.length === 0) return;
      notifyUndo({
        message: t("deleted", { count: deleted.length }),
        // A click at the last moment must still reach the gateway in time.
        ms: Math.max(3_000, undoUntil - Date.now() - 1_000),
        onUndo: () => restoring.mutate({ filenames: deleted, putBack }),
      });
    },
  });

  const marking = useMutation({
    mutationFn: (change: { filenames: string[]; favorite: boolean }) =>
      api.post<Done>("/api/gallery/favorite", change),
    onMutate: ({ filenames, favorite }) => mark(client, filenames, favorite),
    onError: (_error, { filenames, favorite }) => mark(client, filenames, !favorite),
    onSettled: () => client.invalidateQueries({ queryKey: ["gallery"] }),
  });

  const zipping = useMutation({
    mutationFn: (filenames: string[]) => api.post<GalleryZip>("/api/gallery/zip", { filenames }),
    onSuccess: ({ url, bytes }) => {
      download(url);
      notifyDone(t("zipReady", { size: format.bytes(bytes) }));
    },
  });

  const { mutate: remove } = deleting;
  const { mutate: setFavorite } = marking;
  const { mutate: zip, isPending: isZipping } = zipping;
  return useMemo(
    () => ({
      remove,
      zip,
      isZipping,
      setFavorite: (items: readonly GalleryItem[], favorite: boolean) => {
        // Only those that change, so that a failure puts back exactly these.
        const filenames = items.filter((item) => item.favorite !== favorite).map(({ filename }) => filename);
        if (filenames.length > 0) setFavorite({ filenames, favorite });
      },
    }),
    [remove, zip, isZipping, setFavorite],
  );
}

function mark(client: QueryClient, filenames: string[], favorite: boolean) {
  const names = new Set(filenames);
  client.setQueriesData<Pages>({ queryKey: GRID }, (data) => data && withFavorite(data, names, favorite));
}

export type PictureActions = ReturnType<typeof usePictureActions>;
