/** What is asked for: as fields, as an address, and as a request. */
import { compact } from "@/api/search";
import type { Task } from "@/api/types";
import { type Abilities, AUTO } from "./models";
import type { PlaygroundSearch } from "./search";

export interface Form {
  model: string;
  prompt: string;
  size: string;
  n: number;
  seed: number | null;
  steps: number | null;
  negative: string;
  quality: string;
}

export const EMPTY: Form = {
  model: AUTO,
  prompt: "",
  size: "",
  n: 1,
  seed: null,
  steps: null,
  negative: "",
  quality: "",
};

export function taskOf(inputs: number): Task {
  if (inputs === 0) return "text";
  return inputs === 1 ? "edit" : "blend";
}

export function toSearch(form: Form, pictures: string[]): PlaygroundSearch {
  return compact<PlaygroundSearch>({
    model: form.model === AUTO ? undefined : form.model,
    prompt: form.prompt || undefined,
    size: form.size || undefined,
    n: form.n === 1 ? undefined : form.n,
    seed: form.seed ?? undefined,
    steps: form.steps ?? undefined,
    negative: form.negative || undefined,
    quality: form.quality || undefined,
    pictures: pictures.length > 0 ? pictures : undefined,
  });
}

/** Takes over what an address says. A prompt begins a new drawing; without one, what is there is kept. */
export function withSearch(form: Form, { pictures: _, ...search }: PlaygroundSearch): Form {
  return { ...(search.prompt === undefined ? form : EMPTY), ...search };
}

/** The fields of a request, as the API names them: those that are set, and that the model takes. */
export type Fields = Record<string, string | number>;

export function toFields(form: Form, abilities: Abilities): Fields {
  return compact<Fields>({
    model: form.model,
    prompt: form.prompt,
    n: form.n,
    size: form.size.trim() || undefined,
    quality: (abilities.quality && form.quality) || undefined,
    seed: (abilities.seed ? form.seed : null) ?? undefined,
    steps: (abilities.steps ? form.steps : null) ?? undefined,
    negative_prompt: (abilities.negative && form.negative) || undefined,
  } as Fields);
}

const SIZE = /^(auto|[124]k|\d{1,2}:\d{1,2}|\d{2,5}x\d{2,5})$/i;

export const isSize = (text: string) => text.trim() === "" || SIZE.test(text.trim());

/** The shape that a size asks for; square if it does not say. */
export function shapeOf(size: string): number {
  const [, width = "1", height = "1"] = /^(\d+)[:x](\d+)$/i.exec(size.trim()) ?? [];
  const ratio = Number(width) / Number(height);
  return Number.isFinite(ratio) && ratio > 0 ? Math.min(3, Math.max(1 / 3, ratio)) : 1;
}
