import type { QueryClient } from "@tanstack/react-query";
import { redirect } from "@tanstack/react-router";
import { configQuery, sessionQuery } from "@/api/queries";

/** A path of the panel to go to after signing in, or null for anything that leads elsewhere. */
export function safeNext(next: unknown): string | undefined {
  if (typeof next !== "string" || !/^\/(?![/\\])/.test(next)) return undefined;
  return next;
}

export async function requireSession(client: QueryClient, href: string) {
  const session = await client.query(sessionQuery);
  if (session.setupRequired) throw redirect({ to: "/setup" });
  if (session.signedIn) {
    // Every page needs it, and the shell too: it comes while the page is rendered.
    void client.prefetchQuery(configQuery);
  } else {
    const next = safeNext(href);
    throw redirect({ to: "/login", search: next && next !== "/admin" ? { next } : {} });
  }
}
