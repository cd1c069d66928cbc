/** Server-sent events: streams that come back by themselves, and the hooks that read them. */
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { withQuery } from "./client";
import type { LogEntry, LogLevel, LogMessage, ServerEvents } from "./types";

export type StreamState = "connecting" | "open" | "lost";

interface StreamOptions {
  /** Named events to listen to; without them, the unnamed ones. */
  events?: readonly string[];
  onEvent: (name: string, data: unknown) => void;
  onState: (state: StreamState) => void;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/** How long to wait before the given attempt to connect again: doubling, and spread out. */
export function reconnectDelay(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return ceiling / 2 + (random() * ceiling) / 2;
}

/** Opens a stream and keeps it open; the answer closes it. */
export function openStream(
  url: string,
  { events = ["message"], onEvent, onState }: StreamOptions,
): () => void {
  let source: EventSource | null = null;
  let timer: number | undefined;
  let attempt = 0;

  const connect = () => {
    onState("connecting");
    source = new EventSource(url);
    source.onopen = () => {
      attempt = 0;
      onState("open");
    };
    for (const name of events) {
      source.addEventListener(name, (event) => onEvent(name, parse(event.data)));
    }
    source.onerror = () => {
      onState("lost");
      // The browser tries again after a broken connection, but gives up for good on an HTTP error.
      if (source?.readyState === EventSource.CLOSED) {
        timer = window.setTimeout(connect, reconnectDelay(attempt));
        attempt += 1;
      }
    };
  };
  connect();

  return () => {
    window.clearTimeout(timer);
    source?.close();
  };
}

function parse(data: unknown): unknown {
  try {
    return JSON.parse(String(data));
  } catch {
    return null;
  }
}

const EVENT_NAMES: readonly (keyof ServerEvents)[] = [
  "hello",
  "request",
  "key",
  "breaker",
  "picture",
  "config",
  "lagged",
];

export type EventHandlers = { [Name in keyof ServerEvents]?: (data: ServerEvents[Name]) => void };

/** One connection to `/api/events` for the whole panel, open while anybody listens. */
const feed = (() => {
  const handlers = new Set<(name: string, data: unknown) => void>();
  const watchers = new Set<() => void>();
  let state: StreamState = "connecting";
  let close: (() => void) | null = null;

  const setState = (next: StreamState) => {
    if (next === state) return;
    state = next;
    for (const watcher of watchers) watcher();
  };
  return {
    listen(handler: (name: string, data: unknown) => void) {
      handlers.add(handler);
      close ??= openStream("/api/events", {
        events: EVENT_NAMES,
        onEvent: (name, data) => {
          for (const each of handlers) each(name, data);
        },
        onState: setState,
      });
      return () => {
        handlers.delete(handler);
        if (handlers.size > 0) return;
        close?.();
        close = null;
      };
    },
    watch(watcher: () => void) {
      watchers.add(watcher);
      return () => {
        watchers.delete(watcher);
      };
    },
    state: () => state,
  };
})();

/** Calls the handlers for what happens in the gateway, as long as the component is there. */
export function useServerEvents(handlers: EventHandlers) {
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  useEffect(
    () =>
      feed.listen((name, data) => {
        const handler = latest.current[name as keyof ServerEvents];
        // The server's contract ties the name to the shape; the union cannot say so here.
        (handler as ((data: unknown) => void) | undefined)?.(data);
      }),
    [],
  );
}

/** Whether live updates arrive. */
export function useFeedState(): StreamState {
  return useSyncExternalStore(feed.watch, feed.state);
}

/** The newest lines of the live log, oldest first, at most `capacity` of them. */
export function useLogStream(level: LogLevel, { capacity = 2_000, paused = false } = {}) {
  const [entries, setEntries] = useState<LogEntry[]>([]);
  const [missed, setMissed] = useState(0);
  const [state, setState] = useState<StreamState>("connecting");

  useEffect(() => {
    if (paused) return;
    const waiting: LogEntry[] = [];
    let frame = 0;
    // A burst of lines becomes one update per frame.
    const flush = () => {
      frame = 0;
      const fresh = waiting.splice(0);
      setEntries((before) => appendNew(before, fresh, capacity));
    };
    const close = openStream(withQuery("/api/logs/stream", { level }), {
      onState: setState,
      onEvent: (_, data) => {
        const message = data as LogMessage | null;
        if (message?.type === "lagged") setMissed((count) => count + message.missed);
        if (message?.type !== "log") return;
        waiting.push(message);
        frame ||= requestAnimationFrame(flush);
      },
    });
    return () => {
      cancelAnimationFrame(frame);
      close();
    };
  }, [level, paused, capacity]);

  return { entries, missed, state, clear: () => setEntries([]) };
}

/** Adds lines to a log without those it already has: a stream that comes back repeats recent ones. */
export function appendNew(before: LogEntry[], fresh: LogEntry[], capacity: number): LogEntry[] {
  const known = new Set(before.map(({ id }) => id));
  const added = fresh.filter(({ id }) => {
    if (known.has(id)) return false;
    known.add(id);
    return true;
  });
  return added.length === 0 ? before : [...before, ...added].slice(-capacity);
}
