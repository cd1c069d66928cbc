/** One drawing, from the click to its pictures. */
import { ApiError, call } from "@/api/client";
import type { ErrorBody, Task } from "@/api/types";
import { readEvents, type StreamEvent } from "./eventStream";
import type { Fields } from "./form";
import type { InputPicture } from "./inputs";

export interface Drawn {
  url: string;
  /** Its bytes, if they came with the answer. */
  blob: Blob | null;
  revisedPrompt: string | null;
}

export interface Run {
  /** The request id, chosen here so that the attempts of a failure can be found too. */
  id: string;
  started: number;
  ended: number | null;
  state: "drawing" | "done" | "failed" | "cancelled";
  task: Task;
  prompt: string;
  /** How many pictures were asked for, and their shape. */
  wanted: number;
  shape: number;
  partial: string | null;
  pictures: readonly Drawn[];
  warnings: readonly string[];
  provider: string | null;
  model: string | null;
  error: Error | null;
}

export interface Order {
  id: string;
  task: Task;
  fields: Fields;
  inputs: readonly InputPicture[];
  mask: Blob | null;
  signal: AbortSignal;
}

/** What is told while drawing. */
export interface Progress {
  onFacts: (facts: { provider: string | null; model: string | null }) => void;
  onWarning: (text: string) => void;
  onPartial: (url: string) => void;
  onPicture: (picture: Drawn) => void;
}

interface Answered {
  url?: string;
  b64_json?: string;
  output_format?: string;
  revised_prompt?: string;
  error?: ErrorBody["error"];
}

/** The bytes of a picture in base64. The panel's policy allows no `fetch` of a data URI. */
export function decode(base64: string, format: string): Blob {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return new Blob([bytes], { type: `image/${format}` });
}

const DATA_URI = /^data:image\/([\w.+-]+);base64,/;

/** A picture of an answer, whichever way it came. */
export function drawnOf({ url, b64_json, output_format = "png", revised_prompt }: Answered): Drawn | null {
  const revisedPrompt = revised_prompt ?? null;
  const uri = url ? DATA_URI.exec(url) : null;
  const base64 = b64_json || (uri && url?.slice(uri[0].length));
  if (base64) {
    const blob = decode(base64, uri?.[1] ?? output_format);
    return { url: URL.createObjectURL(blob), blob, revisedPrompt };
  }
  return url ? { url, blob: null, revisedPrompt } : null;
}

function bodyOf({ task, fields, inputs, mask }: Order): { path: string; body: unknown } {
  const asked = { ...fields, stream: true, partial_images: 2 };
  if (task === "text") return { path: "generations", body: asked };
  const body = new FormData();
  for (const { blob, name } of inputs) body.append("image[]", blob, name);
  if (mask) body.append("mask", mask, "mask.png");
  for (const [name, value] of Object.entries(asked)) body.append(name, String(value));
  // Several pictures make it a blend: the gateway goes by their number.
  return { path: "edits", body };
}

function onEvent({ name, data }: StreamEvent, progress: Progress) {
  if (data === "[DONE]") return;
  const answered = JSON.parse(data) as Answered;
  if (answered.error) {
    const { message, code, param } = answered.error;
    throw new ApiError(502, code, message, param ?? null);
  }
  if (name.endsWith(".partial_image")) {
    const drawn = drawnOf(answered);
    if (drawn) progress.onPartial(drawn.url);
  } else if (name.endsWith(".completed")) {
    const drawn = drawnOf(answered);
    if (drawn) progress.onPicture(drawn);
  }
}

/** Draws; resolves when everything has come, rejects with what went wrong. */
export async function draw(order: Order, progress: Progress): Promise<void> {
  const { path, body } = bodyOf(order);
  const response = await call("POST", `/api/playground/v1/images/${path}`, {
    body,
    signal: order.signal,
    headers: { accept: "text/event-stream, application/json", "x-request-id": order.id },
  });
  const header = (name: string) => response.headers.get(`x-img-router-${name}`);
  progress.onFacts({ provider: header("provider"), model: header("model") });
  const warning = header("warning");
  if (warning) progress.onWarning(warning);

  if (response.body && response.headers.get("content-type")?.includes("text/event-stream")) {
    await readEvents(response.body, {
      onEvent: (event) => onEvent(event, progress),
      onComment: (text) => {
        const [, said] = /^warning:\s*(.+)$/.exec(text) ?? [];
        if (said) progress.onWarning(said);
      },
    });
    return;
  }
  const answer = (await response.json()) as { data?: Answered[]; warnings?: string[] };
  for (const text of answer.warnings ?? []) progress.onWarning(text);
  for (const each of answer.data ?? []) {
    const drawn = drawnOf(each);
    if (drawn) progress.onPicture(drawn);
  }
}
