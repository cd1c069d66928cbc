import { begunAnswer } from "./begun";
import type { ErrorBody } from "./types";

/** A call that did not succeed, with what the server said about it. */
export class ApiError extends Error {
  constructor(
    /** The HTTP status; 0 when the gateway could not be reached. */
    readonly status: number,
    readonly code: string,
    message: string,
    /** The field that is wrong, for `invalid_setting` and the like. */
    readonly param: string | null = null,
    /** Seconds to wait, from `Retry-After`. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

interface Surroundings {
  /** The panel's language: the server words its messages in it. */
  language: () => string;
  /** Called when the answer says that nobody is signed in, or that no password was set yet. */
  onSignedOut: (code: "not_signed_in" | "setup_required") => void;
}

let surroundings: Surroundings = { language: () => "en", onSignedOut: () => undefined };

/** Tells the client about the app around it; called once at start. */
export function connectClient(to: Surroundings) {
  surroundings = to;
}

type Query = Record<string, string | number | boolean | null | undefined>;

interface CallOptions {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

/** `path` with the members of `query` that are set. */
export function withQuery(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

function isErrorBody(body: unknown): body is ErrorBody {
  return typeof body === "object" && body !== null && "error" in body && typeof body.error === "object";
}

async function errorOf(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const seconds = Number(response.headers.get("retry-after"));
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  if (!isErrorBody(body)) {
    return new ApiError(response.status, "unexpected_answer", `HTTP ${response.status}`, null, retryAfter);
  }
  const { code, message, param } = body.error;
  return new ApiError(response.status, code, message, param ?? null, retryAfter);
}

/**
 * Calls the gateway and hands back the raw answer; throws an {@link ApiError} for every other than 2xx.
 * For answers that are not JSON (streams, files); else use {@link api}.
 */
export async function call(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const { query, body, signal, headers } = options;
  const raw = body instanceof FormData;
  const init: RequestInit = {
    method,
    headers: {
      accept: "application/json",
      "accept-language": surroundings.language(),
      ...(body !== undefined && !raw ? { "content-type": "application/json" } : {}),
      ...headers,
    },
    credentials: "same-origin",
    signal: signal ?? null,
  };
  if (body !== undefined) init.body = raw ? body : JSON.stringify(body);
  let response: Response;
  try {
    const ready = method === "GET" ? await begunAnswer(withQuery(path, query)) : undefined;
    if (ready) return ready;
    response = await fetch(withQuery(path, query), init);
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, "unreachable", "");
  }
  if (response.ok) return response;
  const error = await errorOf(response);
  if (error.status === 401 && (error.code === "not_signed_in" || error.code === "setup_required")) {
    surroundings.onSignedOut(error.code);
  }
  throw error;
}

async function json<T>(method: string, path: string, options?: CallOptions): Promise<T> {
  const response = await call(method, path, options);
  // The one place where an answer gets its type: callers name it by the contract.
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) =>
    json<T>("GET", path, { ...(query ? { query } : {}), ...(signal ? { signal } : {}) }),
  post: <T>(path: string, body: unknown = {}, options: Omit<CallOptions, "body"> = {}) =>
    json<T>("POST", path, { ...options, body }),
  patch: <T>(path: string, body: unknown) => json<T>("PATCH", path, { body }),
  delete: <T = void>(path: string, body?: unknown) => json<T>("DELETE", path, { body }),
};
