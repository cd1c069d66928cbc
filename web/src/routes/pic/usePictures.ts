import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef } from "react";
import type { GalleryFilter } from "@/api/queries";
import { useGeneration } from "@/ui/useGeneration";
import { gridQuery, type Joined, join, probeQuery } from "./pictures";

/** The pictures that a filter lets through, and how many have come since they were read. */
export function usePictures(filter: GalleryFilter) {
  const [generation, renew] = useGeneration("pictures");
  const list = useInfiniteQuery(gridQuery(filter, generation));
  const probe = useQuery(probeQuery(filter));
  const { data, isPlaceholderData, hasNextPage, isFetchingNextPage, fetchNextPage } = list;

  const joined = useRef<Joined>({ pages: [], items: [] });
  const items = useMemo(() => {
    joined.current = join(data?.pages ?? [], joined.current);
    return joined.current.items;
  }, [data]);
  const total = data?.pages[0]?.total ?? 0;
  const newest = probe.data?.items[0];
  const comparable = !isPlaceholderData && !probe.isPlaceholderData && data !== undefined;
  const fresh =
    comparable && newest && probe.data && newest.filename !== items[0]?.filename
      ? Math.max(0, probe.data.total - total)
      : 0;

  // Nothing is being looked at that could jump: there is nothing, or the page was opened at its top just now.
  const opened = useRef(true);
  const settled = comparable && !probe.isFetching;
  useEffect(() => {
    if (!settled) return;
    if (fresh > 0 && (items.length === 0 || (opened.current && window.scrollY === 0))) renew();
    opened.current = false;
  }, [settled, fresh, items.length, renew]);

  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  return { list, items, total, fresh, renew, more };
}
