import type { RequestRow } from "@/api/types";

/** How many rows are put in front of a list before it is read anew. */
export const LONGEST_AHEAD = 400;

/** The rows of `head` that are newer than the list's first; `gap`: there are more than `head` holds. */
export function freshRows(
  head: readonly RequestRow[],
  first: Pick<RequestRow, "id"> | undefined,
): { rows: readonly RequestRow[]; gap: boolean } {
  if (first === undefined) return { rows: head, gap: false };
  const at = head.findIndex(({ id }) => id === first.id);
  return { rows: at < 0 ? head : head.slice(0, at), gap: at < 0 };
}
