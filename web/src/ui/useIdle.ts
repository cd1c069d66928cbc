import { useEffect, useState } from "react";

/** After this it is no longer waited for a moment without work. */
const LONGEST_MS = 3_000;

/** False at first, true once the browser has nothing else to do: for what nobody waits for. */
export function useIdle(): boolean {
  const [idle, setIdle] = useState(false);
  useEffect(() => {
    if (typeof requestIdleCallback !== "function") {
      const timer = setTimeout(() => setIdle(true), LONGEST_MS / 3);
      return () => clearTimeout(timer);
    }
    const waiting = requestIdleCallback(() => setIdle(true), { timeout: LONGEST_MS });
    return () => cancelIdleCallback(waiting);
  }, []);
  return idle;
}
