/** The gallery's lists as they are kept, and how deleting and marking change them at once. */
import { type InfiniteData, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api } from "@/api/client";
import { type GalleryFilter, galleryQuery } from "@/api/queries";
import type { GalleryItem, GalleryPage } from "@/api/types";

const PAGE = 120;

export const GRID = ["gallery", "grid"] as const;
export const PROBE = ["gallery", "probe"] as const;

/**
 * The pictures, page after page. Events mark everything under `gallery` as out of date: `static` keeps this
 * list out of it, for it may have hundreds of pages. {@link probeQuery} tells when it has fallen behind.
 */
export const gridQuery = (filter: GalleryFilter, generation: number) => ({
  ...galleryQuery(filter, PAGE),
  queryKey: [...GRID, filter, generation],
  staleTime: "static" as const,
});

/** The newest picture and how many there are. */
export const probeQuery = (filter: GalleryFilter) =>
  queryOptions({
    queryKey: [...PROBE, filter],
    queryFn: ({ signal }) => api.get<GalleryPage>("/api/gallery", { ...filter, limit: 1 }, signal),
    placeholderData: keepPreviousData,
  });

export type Pages = InfiniteData<GalleryPage, string | null>;

/** A page without some pictures; itself when it holds none of them. */
export function pageWithout(page: GalleryPage, names: ReadonlySet<string>): GalleryPage {
  const items = page.items.filter(({ filename }) => !names.has(filename));
  return items.length === page.items.length ? page : { ...page, items };
}

function eachPage(data: Pages, change: (page: GalleryPage) => GalleryPage): Pages {
  const pages = data.pages.map(change);
  return pages.every((page, index) => page === data.pages[index]) ? data : { ...data, pages };
}

const withTotal = (data: Pages, by: number): Pages =>
  by === 0 ? data : { ...data, pages: data.pages.map((page) => ({ ...page, total: page.total + by })) };

const count = ({ pages }: Pages) => pages.reduce((sum, { items }) => sum + items.length, 0);

export function withoutPictures(data: Pages, names: ReadonlySet<string>): Pages {
  const rest = eachPage(data, (page) => pageWithout(page, names));
  return withTotal(rest, count(rest) - count(data));
}

/** The pictures of a list that are among the named. */
export function pick(data: Pages, names: ReadonlySet<string>): GalleryItem[] {
  return data.pages.flatMap(({ items }) => items.filter(({ filename }) => names.has(filename)));
}

/** With pictures back where they were: newest first. */
export function withPictures(data: Pages, back: readonly GalleryItem[]): Pages {
  const pages = data.pages.map((page) => ({
    ...page,
    total: page.total + back.length,
    items: [...page.items],
  }));
  for (const item of back) {
    const older = (other: GalleryItem | undefined) =>
      other !== undefined && other.metadata.timestamp <= item.metadata.timestamp;
    const page = pages.find(({ items }) => older(items.at(-1))) ?? pages.at(-1);
    if (!page) continue;
    const at = page.items.findIndex(older);
    page.items.splice(at < 0 ? page.items.length : at, 0, item);
  }
  return { ...data, pages };
}

export function withFavorite(data: Pages, names: ReadonlySet<string>, favorite: boolean): Pages {
  return eachPage(data, (page) =>
    page.items.some(({ filename }) => names.has(filename))
      ? {
          ...page,
          items: page.items.map((item) => (names.has(item.filename) ? { ...item, favorite } : item)),
        }
      : page,
  );
}

export interface Joined {
  pages: readonly GalleryPage[];
  items: readonly GalleryItem[];
}

/** The pictures of all pages in one list; the list of before goes on when pages were added to it. */
export function join(pages: readonly GalleryPage[], before: Joined): Joined {
  const kept = before.pages.length;
  const goesOn = kept <= pages.length && before.pages.every((page, index) => page === pages[index]);
  if (!goesOn) return { pages, items: pages.flatMap(({ items }) => items) };
  return { pages, items: before.items.concat(...pages.slice(kept).map(({ items }) => items)) };
}
