import { useCallback, useState } from "react";

const generations = new Map<string, number>();

/**
 * A number in the key of a long list, so that the list is read anew from its beginning when asked to, and
 * only then: refetching page after page of what was scrolled past would take a request for each. It
 * outlives the page, and with it the place that the reader had come to.
 */
export function useGeneration(list: string): readonly [generation: number, renew: () => void] {
  const [generation, setGeneration] = useState(() => generations.get(list) ?? 0);
  const renew = useCallback(() => {
    const next = (generations.get(list) ?? 0) + 1;
    generations.set(list, next);
    setGeneration(next);
  }, [list]);
  return [generation, renew];
}
