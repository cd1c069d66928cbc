/**
 * Calls that were made before the app was there to make them. Each answer is used once, for the same call,
 * by the first page: whatever is asked later is asked of the gateway.
 */
const FRESH_MS = 20_000;
const begun = new Map<string, { answer: Promise<Response>; at: number }>();
/** What the app asked for. */
const asked = new Set<string>();
let over = false;

/** Makes a call, unless the app did so already; null then. */
export function begin(path: string, language: string): Promise<Response> | null {
  if (over || asked.has(path)) return null;
  const headers = { accept: "application/json", "accept-language": language };
  const answer = fetch(path, { headers, credentials: "same-origin" });
  begun.set(path, { answer, at: performance.now() });
  return answer;
}

/** The answer of a call that was begun, if it is a good one: everything else is for the call itself to find. */
export async function begunAnswer(path: string): Promise<Response | undefined> {
  asked.add(path);
  const found = begun.get(path);
  if (!found) return undefined;
  begun.delete(path);
  if (performance.now() - found.at > FRESH_MS) return undefined;
  const answer = await found.answer.catch(() => undefined);
  return answer?.ok ? answer : undefined;
}

/** The first page has what it needs. */
export function endBeginning() {
  over = true;
  begun.clear();
}

const SIGNED_IN = "img-router.signed-in";

/** Whether somebody was signed in in this browser when that was last asked. */
export const wasSignedIn = () => localStorage.getItem(SIGNED_IN) !== null;

export function rememberSignedIn(signedIn: boolean) {
  if (signedIn) localStorage.setItem(SIGNED_IN, "");
  else localStorage.removeItem(SIGNED_IN);
}
