import { MutationCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "@/api/client";
import { notifyError } from "@/ui/toast";

declare module "@tanstack/react-query" {
  interface Register {
    /** `quiet`: the page shows the failure itself. */
    mutationMeta: { quiet?: boolean };
  }
}

/** Whether trying again by itself can help: the gateway was away or overloaded, not the call wrong. */
export function worthRetrying(failures: number, error: unknown): boolean {
  const passing = error instanceof ApiError && (error.status === 0 || error.status === 503);
  return passing && failures < 2;
}

export const queryClient = new QueryClient({
  defaultOptions: { queries: { retry: worthRetrying, refetchOnWindowFocus: true } },
  mutationCache: new MutationCache({
    onError: (error, _variables, _result, mutation) => {
      if (!mutation.meta?.quiet) notifyError(error);
    },
  }),
});
