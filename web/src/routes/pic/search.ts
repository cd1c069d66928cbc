import type { GalleryFilter } from "@/api/queries";
import { compact, gallerySearch } from "@/api/search";

export interface PicSearch extends GalleryFilter {
  /** The picture that is open, by its file name. */
  picture?: string;
}

export function picSearch(search: Record<string, unknown>): PicSearch {
  const { picture } = search;
  return {
    ...gallerySearch(search),
    ...compact({ picture: typeof picture === "string" ? picture : undefined }),
  };
}
