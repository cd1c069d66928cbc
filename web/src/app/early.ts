/**
 * Runs before the app's code is there, by itself: fetches at once what the first page needs, so that data,
 * texts and code come together instead of one after the other. It must not import what is large.
 */
import { begin, wasSignedIn } from "@/api/begun";
import { firstLanguage, textsOf } from "@/i18n/files";

const { pathname, search } = location;
const page = ["/", "/ui", "/index"].includes(pathname) ? "/admin" : pathname;
const open = page === "/login" || page === "/setup" || page.startsWith("/docs");
const language = firstLanguage();
const root = document.documentElement;

/** Where Mantine keeps the theme that was chosen. */
const chosen = localStorage.getItem("mantine-color-scheme-value");
const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
root.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
root.lang = language;
// What the document shows until the app takes over: see index.html.
if (!open) root.dataset.waiting = "";

const ignore = () => undefined;

textsOf(language, "common")?.catch(ignore);
if (page === "/admin") textsOf(language, "dashboard")?.catch(ignore);

/** What the dashboard shows first; told only to somebody who is signed in. */
function numbers() {
  if (page !== "/admin") return;
  const shown = new URLSearchParams(search).get("window") ?? "24h";
  begin(`/api/dashboard/stats?window=${encodeURIComponent(shown)}`, language)?.catch(ignore);
}

async function data() {
  const session = begin("/api/session", language);
  // Whoever was signed in the last time most likely is: no need to wait for the answer.
  if (wasSignedIn()) return numbers();
  const answer = (await session)?.clone();
  const state: { signedIn?: boolean } | undefined = await answer?.json();
  if (state?.signedIn) numbers();
}
if (!open) data().catch(ignore);
