import { rememberSignedIn } from "@/api/begun";
import { connectClient } from "@/api/client";
import { sessionQuery } from "@/api/queries";
import { language } from "@/i18n";
import { safeNext } from "./guards";
import { queryClient } from "./queryClient";
import { router } from "./router";

/** Where nobody has to be signed in. */
const OPEN_PAGES = ["/login", "/setup"];

/** Ties the API client to the app: its language, and where to go when the session is over. */
export function connectApi() {
  connectClient({
    language,
    onSignedOut: (code) => {
      const { pathname, href } = router.state.location;
      if (OPEN_PAGES.includes(pathname)) return;
      rememberSignedIn(false);
      queryClient.removeQueries({ queryKey: sessionQuery.queryKey });
      const next = safeNext(href);
      void (code === "setup_required"
        ? router.navigate({ to: "/setup" })
        : router.navigate({ to: "/login", search: next ? { next } : {} }));
    },
  });
}
