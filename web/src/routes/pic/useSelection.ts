import { useCallback, useState } from "react";
import type { GalleryItem } from "@/api/types";
import { extend, NOTHING, toggle, without } from "./selection";

/** The pictures that are selected among those that are listed. */
export function useSelection(items: readonly GalleryItem[]) {
  const [selection, setSelection] = useState(NOTHING);
  return {
    names: selection.names,
    select: useCallback(
      ({ filename }: GalleryItem, range: boolean) =>
        setSelection((before) =>
          range
            ? extend(
                before,
                items.map((item) => item.filename),
                filename,
              )
            : toggle(before, filename),
        ),
      [items],
    ),
    selectAll: useCallback(
      () => setSelection({ names: new Set(items.map(({ filename }) => filename)), anchor: null }),
      [items],
    ),
    drop: useCallback((gone: Iterable<string>) => setSelection((before) => without(before, gone)), []),
    clear: useCallback(() => setSelection(NOTHING), []),
  };
}
