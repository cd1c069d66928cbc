import { afterEach, beforeEach, expect, it, vi } from "vitest";

// Anew for each test: it is about the beginning.
let { begin, begunAnswer, endBeginning } = await import("./begun");

const answers = vi.fn<(path: string, init: RequestInit) => Promise<Response>>();

beforeEach(async () => {
  vi.resetModules();
  ({ begin, begunAnswer, endBeginning } = await import("./begun"));
  vi.stubGlobal("fetch", answers);
  vi.useFakeTimers();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  answers.mockReset();
});

it("hands an answer out once, to the call that it was for", async () => {
  const answer = new Response("{}");
  answers.mockResolvedValue(answer);
  void begin("/api/session", "zh-CN");
  expect(answers).toHaveBeenCalledWith("/api/session", {
    headers: { accept: "application/json", "accept-language": "zh-CN" },
    credentials: "same-origin",
  });
  expect(await begunAnswer("/api/config")).toBeUndefined();
  expect(await begunAnswer("/api/session")).toBe(answer);
  expect(await begunAnswer("/api/session")).toBeUndefined();
});

it("hands out no failure: the call finds out by itself", async () => {
  answers.mockResolvedValueOnce(new Response("", { status: 401 }));
  void begin("/api/session", "en");
  expect(await begunAnswer("/api/session")).toBeUndefined();
  answers.mockRejectedValueOnce(new TypeError("no network"));
  begin("/api/session", "en")?.catch(() => undefined);
  expect(await begunAnswer("/api/session")).toBeUndefined();
});

it("hands out nothing that has become old", async () => {
  answers.mockResolvedValue(new Response("{}"));
  void begin("/api/session", "en");
  vi.advanceTimersByTime(30_000);
  expect(await begunAnswer("/api/session")).toBeUndefined();
});

it("makes no call that the app made itself, and keeps nothing for later", async () => {
  answers.mockImplementation(async () => new Response("{}"));
  expect(await begunAnswer("/api/session")).toBeUndefined();
  expect(begin("/api/session", "en")).toBeNull();
  void begin("/api/config", "en");
  endBeginning();
  expect(await begunAnswer("/api/config")).toBeUndefined();
  expect(begin("/api/other", "en")).toBeNull();
  expect(answers).toHaveBeenCalledTimes(1);
});
