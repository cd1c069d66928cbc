import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { configQuery, keysQuery } from "./queries";
import { useFeedState, useServerEvents } from "./sse";
import type { ConfigSnapshot, Key } from "./types";

/** Longest that numbers lag behind events; a busy gateway ends many requests a second. */
const SETTLE_MS = 2_000;

/** The pool with one key's new state in it. */
export function withKey(pool: Key[] | undefined, key: Key): Key[] | undefined {
  return pool?.map((each) => (each.id === key.id ? key : each));
}

function withBreaker(
  config: ConfigSnapshot | undefined,
  provider: string,
  breaker: ConfigSnapshot["providers"][number]["breaker"],
) {
  return (
    config && {
      ...config,
      providers: config.providers.map((each) => (each.name === provider ? { ...each, breaker } : each)),
    }
  );
}

/** Marks queries as out of date, at most once per {@link SETTLE_MS} each. */
function useSettling(client: QueryClient) {
  const timers = useRef(new Map<string, number>());
  useEffect(() => {
    const pending = timers.current;
    return () => {
      for (const timer of pending.values()) window.clearTimeout(timer);
      pending.clear();
    };
  }, []);
  return (...queryKey: string[]) => {
    const name = queryKey.join("/");
    if (timers.current.has(name)) return;
    const timer = window.setTimeout(() => {
      timers.current.delete(name);
      void client.invalidateQueries({ queryKey });
    }, SETTLE_MS);
    timers.current.set(name, timer);
  };
}

/** Keeps what the pages show in step with the gateway. */
export function useLiveCache() {
  const client = useQueryClient();
  const settle = useSettling(client);
  const state = useFeedState();
  const wasLost = useRef(false);

  useServerEvents({
    request: () => {
      settle("stats");
      settle("requests", "list");
    },
    key: (key) => {
      client.setQueryData(keysQuery(key.provider).queryKey, (pool) => withKey(pool, key));
      settle("config");
    },
    breaker: ({ provider, state: breaker }) => {
      client.setQueryData(configQuery.queryKey, (config) => withBreaker(config, provider, breaker));
    },
    picture: () => settle("gallery"),
    config: ({ etag }) => {
      if (client.getQueryData(configQuery.queryKey)?.etag !== etag) settle("config");
      // Made, changed or deleted elsewhere: that is no change of the configuration's text.
      settle("clientKeys");
    },
    lagged: () => void client.invalidateQueries(),
  });

  // What happened while the stream was down is not told again.
  useEffect(() => {
    if (state === "lost") wasLost.current = true;
    if (state !== "open" || !wasLost.current) return;
    wasLost.current = false;
    void client.invalidateQueries();
  }, [state, client]);
}
