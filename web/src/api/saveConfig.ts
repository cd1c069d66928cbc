import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "./client";
import { configQuery } from "./queries";
import type { ConfigPatch, ConfigSaved, ConfigSnapshot } from "./types";

interface Change {
  patch: ConfigPatch;
  /** The version that the change was made from: another one by then is refused with 412. */
  etag?: string;
  /** How the panel looks at once, until the gateway answers. */
  preview?: (config: ConfigSnapshot) => ConfigSnapshot;
}

/** Changes the configuration; a preview is taken back when the gateway refuses. */
export function useSaveConfig({ quiet = false } = {}) {
  const client = useQueryClient();
  const { queryKey } = configQuery;
  return useMutation({
    mutationFn: ({ patch, etag }: Change) =>
      api.post<ConfigSaved>("/api/runtime-config", patch, etag ? { headers: { "if-match": etag } } : {}),
    meta: { quiet },
    onMutate: async ({ preview }) => {
      if (!preview) return;
      await client.cancelQueries({ queryKey });
      const before = client.getQueryData(queryKey);
      client.setQueryData(queryKey, (config) => config && preview(config));
      return before;
    },
    onError: (_error, _change, before) => {
      if (before) client.setQueryData(queryKey, before);
    },
    onSettled: () => client.invalidateQueries({ queryKey }),
  });
}
