import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { api } from "@/api/client";
import { type RequestFilter, requestsQuery } from "@/api/queries";
import type { RequestPage, RequestRow } from "@/api/types";
import { useGeneration } from "@/ui/useGeneration";
import { freshRows, LONGEST_AHEAD } from "./fresh";

/** The newest rows. Its key is below `requests/list`, which events mark as out of date. */
const headQuery = (filter: RequestFilter) => ({
  queryKey: ["requests", "list", "head", filter],
  queryFn: ({ signal }: { signal: AbortSignal }) =>
    api.get<RequestPage>("/api/requests", { ...filter, limit: 50 }, signal),
});

/** Whether the page is scrolled to its beginning. */
function useAtTop(): boolean {
  const [atTop, setAtTop] = useState(true);
  useEffect(() => {
    const look = () => setAtTop(window.scrollY < 80);
    look();
    window.addEventListener("scroll", look, { passive: true });
    return () => window.removeEventListener("scroll", look);
  }, []);
  return atTop;
}

/**
 * The log, page after page, with what happens added at its beginning while that is in sight. The pages are
 * `static`: they are never read again, only the newest rows are, and put in front of them.
 */
export function useRequests(filter: RequestFilter) {
  const [generation, renew] = useGeneration("requests");
  const list = useInfiniteQuery({
    ...requestsQuery(filter),
    queryKey: ["requests", "log", filter, String(generation)],
    staleTime: "static",
  });
  const head = useQuery(headQuery(filter));
  const atTop = useAtTop();

  // What has been put in front belongs to one reading of one list.
  const reading = JSON.stringify([filter, generation]);
  const [ahead, setAhead] = useState<{ reading: string; rows: readonly RequestRow[] }>({ reading, rows: [] });
  const added = ahead.reading === reading ? ahead.rows : [];

  const { data, isPlaceholderData, hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const rows = useMemo(() => [...added, ...(data?.pages.flatMap(({ items }) => items) ?? [])], [added, data]);
  const settled = data !== undefined && !isPlaceholderData && head.data !== undefined;
  const fresh = useMemo(
    () => (settled ? freshRows(head.data.items, rows[0]) : { rows: [], gap: false }),
    [settled, head.data, rows],
  );

  useEffect(() => {
    if (!atTop || fresh.rows.length === 0) return;
    // Too much has happened to join it on, or to keep.
    if (fresh.gap || added.length > LONGEST_AHEAD) renew();
    else setAhead({ reading, rows: [...fresh.rows, ...added] });
  }, [atTop, fresh, added, reading, renew]);

  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  return { list, rows, fresh, more };
}
