import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { sessionQuery } from "@/api/queries";
import type { SessionState } from "@/api/types";

/** Goes on into the panel with a session that has just begun. */
export function useEnter() {
  const client = useQueryClient();
  const router = useRouter();
  return (session: SessionState, next = "/admin") => {
    client.clear();
    client.setQueryData(sessionQuery.queryKey, session);
    router.history.replace(next);
  };
}
