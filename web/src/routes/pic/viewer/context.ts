import { createContext, useContext } from "react";
import type { GalleryItem } from "@/api/types";

interface ViewerState {
  item: GalleryItem | undefined;
  /** Counted from one. */
  position: number;
  total: number;
  remove: () => void;
  toggleFavorite: () => void;
}

const nothing = () => undefined;

/** What the viewer shows, for the parts of it that the lightbox puts in place. */
export const ViewerContext = createContext<ViewerState>({
  item: undefined,
  position: 0,
  total: 0,
  remove: nothing,
  toggleFavorite: nothing,
});

export const useViewerState = () => useContext(ViewerContext);
