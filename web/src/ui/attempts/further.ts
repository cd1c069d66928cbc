import type { AttemptRow } from "@/api/types";

/** How often something was tried again, elsewhere or once more: several pictures are not several tries. */
export function furtherAttempts(attempts: readonly Pick<AttemptRow, "next">[]): number {
  return attempts.filter(({ next }) => next !== null).length;
}
