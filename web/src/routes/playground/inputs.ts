/** Pictures to draw from. */
import { call } from "@/api/client";

export interface InputPicture {
  id: string;
  blob: Blob;
  /** A file name to send it under. */
  name: string;
  /** Shows it; given back by {@link release}. */
  url: string;
  width: number;
  height: number;
  /** Its name in the gallery, if it is from there. */
  filename: string | null;
}

export const ACCEPTED = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/avif"];

/** Reads a picture; fails for what is none. */
export async function readPicture(
  blob: Blob,
  name: string,
  filename: string | null = null,
): Promise<InputPicture> {
  const bitmap = await createImageBitmap(blob);
  const { width, height } = bitmap;
  bitmap.close();
  return { id: crypto.randomUUID(), blob, name, url: URL.createObjectURL(blob), width, height, filename };
}

/** A picture of the gallery. */
export async function fetchPicture(filename: string): Promise<InputPicture> {
  const response = await call("GET", `/storage/${encodeURIComponent(filename)}`);
  return readPicture(await response.blob(), filename, filename);
}

export function release(pictures: readonly InputPicture[]) {
  for (const { url } of pictures) URL.revokeObjectURL(url);
}
