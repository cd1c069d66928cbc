import { configQuery, sessionQuery, statsQuery } from "@/api/queries";
import { oneOf, WINDOWS } from "@/api/search";
import { queryClient } from "./queryClient";
import { router } from "./router";

/**
 * Fetches at once what the first page needs: who is there, the page's code and texts, and, for
 * somebody signed in, what stands on it. One after the other, each would cost a round trip.
 */
export function fetchAhead({ pathname, search } = window.location) {
  const page = pathname === "/" ? "/admin" : pathname;
  const [routes] = router.getMatchedRoutes(page);
  for (const route of routes) {
    // A failure shows when the page itself asks.
    router.loadRouteChunk(route)?.catch(() => undefined);
  }
  if (page === "/login" || page === "/setup") return;
  void queryClient.query(sessionQuery).then(
    ({ signedIn }) => {
      if (!signedIn) return;
      void queryClient.prefetchQuery(configQuery);
      const shown = oneOf(new URLSearchParams(search).get("window"), WINDOWS) ?? "24h";
      if (page === "/admin") void queryClient.prefetchQuery(statsQuery(shown));
    },
    () => undefined,
  );
}
