import { useQueryClient } from "@tanstack/react-query";
import { configQuery, keysQuery } from "@/api/queries";

/** After keys were added: the pool, and the counts of the platforms. */
export function useRefreshKeys(provider: string) {
  const client = useQueryClient();
  return async () => {
    await client.invalidateQueries({ queryKey: keysQuery(provider).queryKey });
    await client.invalidateQueries({ queryKey: configQuery.queryKey });
  };
}
