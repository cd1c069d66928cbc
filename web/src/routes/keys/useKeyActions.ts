import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { configQuery, keysQuery } from "@/api/queries";
import type { Done, Key, KeyItem, KeysDeleted, KeyTest, KeyTests, KeyTried } from "@/api/types";
import { notifyDone } from "@/ui/toast";

type Action =
  | { action: "update"; id: string; keyItem: KeyItem }
  | { action: "delete"; ids: string[] }
  | { action: "reset"; id: string };

/** How the pool looks at once, until the gateway answers. */
function preview(pool: Key[], action: Action): Key[] {
  switch (action.action) {
    case "update": {
      const { enabled, name } = action.keyItem;
      return pool.map((key) => {
        if (key.id !== action.id) return key;
        const renamed = name == null ? key : { ...key, name };
        return enabled == null ? renamed : { ...renamed, enabled, status: enabled ? "active" : "off" };
      });
    }
    case "delete":
      return pool.filter(({ id }) => !action.ids.includes(id));
    case "reset":
      return pool.map((key) =>
        key.id === action.id ? { ...key, status: "active", reason: null, cooldownUntil: null } : key,
      );
  }
}

/** What can be done with the keys of a platform: shown at once, and taken back on failure. */
export function useKeyActions(provider: string) {
  const { t } = useTranslation("keys");
  const client = useQueryClient();
  const { queryKey } = keysQuery(provider);
  const [tests, setTests] = useState<ReadonlyMap<string, KeyTest>>(new Map());

  const refresh = useCallback(async () => {
    await client.invalidateQueries({ queryKey: keysQuery(provider).queryKey });
    await client.invalidateQueries({ queryKey: configQuery.queryKey });
  }, [client, provider]);
  const act = useMutation({
    mutationFn: (action: Action) => api.post<Done | KeysDeleted>("/api/key-pool", { provider, ...action }),
    onMutate: async (action) => {
      await client.cancelQueries({ queryKey });
      const before = client.getQueryData(queryKey);
      client.setQueryData(queryKey, (pool) => pool && preview(pool, action));
      return before;
    },
    onError: (_error, _action, before) => {
      if (before) client.setQueryData(queryKey, before);
    },
    onSettled: refresh,
  });
  const remember = (results: KeyTest[]) =>
    setTests(
      (before) => new Map([...before, ...results.map((result): [string, KeyTest] => [result.id, result])]),
    );
  const test = useMutation({
    mutationFn: (id: string) => api.post<KeyTried>("/api/key-pool", { provider, action: "test", id }),
    onSuccess: (result) => remember([result.test]),
    onSettled: refresh,
  });
  const testAll = useMutation({
    mutationFn: () => api.post<KeyTests>("/api/key-pool", { provider, action: "test_all" }),
    onSuccess: ({ results }) => {
      remember(results);
      const good = results.filter(({ ok }) => ok).length;
      notifyDone(t("testedAll", { good, count: results.length }));
    },
    onSettled: refresh,
  });

  return {
    tests,
    testing: test.isPending ? test.variables : null,
    testingAll: testAll.isPending,
    test: (id: string) => test.mutate(id),
    testAll: () => testAll.mutate(),
    act: act.mutate,
    refresh,
  };
}

export type KeyActions = ReturnType<typeof useKeyActions>;
