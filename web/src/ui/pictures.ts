import type { ConfigSnapshot, GalleryItem } from "@/api/types";

/** The address of a picture to give to others. */
export function publicLink({ url }: Pick<GalleryItem, "url">, config: ConfigSnapshot | undefined): string {
  if (/^https?:/.test(url)) return url;
  const base = config?.publicBaseUrl ?? window.location.origin;
  return base.replace(/\/+$/, "") + url;
}
