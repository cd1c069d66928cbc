import { compact } from "@/api/search";
import type { GalleryItem } from "@/api/types";

/** What the playground can be opened with. */
export interface PlaygroundSearch {
  model?: string;
  prompt?: string;
  size?: string;
  n?: number;
  seed?: number;
  steps?: number;
  negative?: string;
  quality?: string;
  /** Pictures of the gallery to begin with, by file name. */
  pictures?: string[];
}

type Search = Record<string, unknown>;

// The router reads what looks like a number as one.
const text = (value: unknown) =>
  (typeof value === "string" && value !== "") || typeof value === "number" ? String(value) : undefined;

const whole = (value: unknown) => {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= 0 ? number : undefined;
};

export function playgroundSearch(search: Search): PlaygroundSearch {
  const pictures = Array.isArray(search.pictures)
    ? search.pictures.filter((name): name is string => typeof name === "string")
    : [];
  return compact<PlaygroundSearch>({
    model: text(search.model),
    prompt: text(search.prompt),
    size: text(search.size),
    n: whole(search.n) || undefined,
    seed: whole(search.seed),
    steps: whole(search.steps) || undefined,
    negative: text(search.negative),
    quality: text(search.quality),
    pictures: pictures.length > 0 ? pictures : undefined,
  });
}

/** What draws a picture again: the same model of the same platform, the same parameters. */
export function redrawSearch({ provider, metadata }: GalleryItem): PlaygroundSearch {
  const { prompt, model, params } = metadata;
  return playgroundSearch({
    ...params,
    prompt,
    model: model ? `${provider}/${model}` : provider,
    negative: params.negative_prompt,
    pictures: undefined,
  });
}
