import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import i18next, { type Namespace } from "i18next";
import { statsQuery } from "@/api/queries";
import { compact, oneOf, requestSearch, WINDOWS } from "@/api/search";
import type { Window } from "@/api/types";
import { PageSkeleton } from "@/ui/skeletons";
import type common from "../i18n/locales/en/common.json";
import DashboardPage from "../routes/admin/DashboardPage";
import { keysSearch } from "../routes/keys/search";
import { logSearch } from "../routes/logs/search";
import { picSearch } from "../routes/pic/search";
import { playgroundSearch } from "../routes/playground/search";
import { settingSearch } from "../routes/setting/search";
import { CrashPage } from "./CrashPage";
import { requireSession, safeNext } from "./guards";
import { NotFoundPage, StrayPage } from "./NotFoundPage";
import { queryClient } from "./queryClient";
import { Shell } from "./shell/Shell";
import { usePageChange } from "./shell/usePageChange";

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
  interface StaticDataRouteOption {
    /** The page's name: a key of `nav` in the common texts. */
    title?: keyof typeof common.nav;
  }
}

type Load = () => Promise<{ default: React.ComponentType }>;

/** A page's code, styles and texts, fetched together when it is first opened. */
function page(texts: Namespace[], load: Load) {
  return lazyRouteComponent(async () => {
    // Begun first, so that a page's own styles come after these.
    const styles = import("./moreStyles");
    const [code] = await Promise.all([load(), i18next.loadNamespaces(texts.flat() as string[]), styles]);
    return code;
  });
}

function Root() {
  usePageChange();
  return <Outlet />;
}

const rootRoute = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: Root,
  notFoundComponent: StrayPage,
});

const toDashboard = (path: string) =>
  createRoute({
    getParentRoute: () => rootRoute,
    path,
    beforeLoad: () => {
      throw redirect({ to: "/admin", replace: true });
    },
  });

const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/setup",
  staticData: { title: "setup" },
  validateSearch: (search): { token?: string } =>
    typeof search.token === "string" ? { token: search.token } : {},
  component: page(["auth"], () => import("../routes/auth/SetupPage")),
});

const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/login",
  staticData: { title: "login" },
  validateSearch: (search): { next?: string } => {
    const next = safeNext(search.next);
    return next ? { next } : {};
  },
  component: page(["auth"], () => import("../routes/auth/LoginPage")),
});

const apiRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/docs/api",
  staticData: { title: "api" },
  component: page(["docs"], () => import("../routes/docs/ApiPage")),
});

/** Everything behind the sign-in. */
const panelRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "panel",
  beforeLoad: ({ context, location }) => requireSession(context.queryClient, location.href),
  component: Shell,
});

const dashboardRoute = createRoute({
  getParentRoute: () => panelRoute,
  path: "/admin",
  staticData: { title: "dashboard" },
  validateSearch: (search): { window?: Window } => compact({ window: oneOf(search.window, WINDOWS) }),
  loaderDeps: ({ search }) => search,
  loader: ({ context, deps }) => void context.queryClient.prefetchQuery(statsQuery(deps.window ?? "24h")),
  // Most visits begin here: its code is part of the app's, only its texts are fetched.
  component: lazyRouteComponent(() =>
    i18next.loadNamespaces("dashboard").then(() => ({ default: DashboardPage })),
  ),
});

const channelRoute = createRoute({
  getParentRoute: () => panelRoute,
  path: "/channel",
  staticData: { title: "channels" },
  component: page(["channel", "settings"], () => import("../routes/channel/ChannelPage")),
});

const keysRoute = createRoute({
  getParentRoute: () => panelRoute,
  path: "/keys",
  staticData: { title: "keys" },
  validateSearch: keysSearch,
  component: page(["keys"], () => import("../routes/keys/KeysPage")),
});

const settingRoute = createRoute({
  getParentRoute: () => panelRoute,
  path: "/setting",
  staticData: { title: "settings" },
  validateSearch: settingSearch,
  component: page(["setting", "settings"], () => import("../routes/setting/SettingPage")),
});

const updateRoute = createRoute({
  getParentRoute: () => panelRoute,
  path: "/update",
  staticData: { title: "update" },
  component: page(["update"], () => import("../routes/update/UpdatePage")),
});

const playgroundRoute = createRoute({
  getParentRoute: () => panelRoute,
  path: "/playground",
  staticData: { title: "playground" },
  validateSearch: playgroundSearch,
  component: page(["playground", "attempts", "gallery"], () => import("../routes/playground/PlaygroundPage")),
});

const galleryRoute = createRoute({
  getParentRoute: () => panelRoute,
  path: "/pic",
  staticData: { title: "gallery" },
  validateSearch: picSearch,
  component: page(["gallery", "lists"], () => import("../routes/pic/GalleryPage")),
});

const requestsRoute = createRoute({
  getParentRoute: () => panelRoute,
  path: "/requests",
  staticData: { title: "requests" },
  validateSearch: requestSearch,
  component: page(["requests", "lists"], () => import("../routes/requests/RequestsPage")),
});

const requestRoute = createRoute({
  getParentRoute: () => panelRoute,
  path: "/requests/$id",
  staticData: { title: "requests" },
  component: page(["requests", "attempts"], () => import("../routes/requests/RequestPage")),
});

const logsRoute = createRoute({
  getParentRoute: () => panelRoute,
  path: "/logs",
  staticData: { title: "logs" },
  validateSearch: logSearch,
  component: page(["logs", "lists"], () => import("../routes/logs/LogsPage")),
});

const optimizerRoute = createRoute({
  getParentRoute: () => panelRoute,
  path: "/prompt-optimizer",
  staticData: { title: "optimizer" },
  component: page(["optimizer", "setting", "settings"], () => import("../routes/optimizer/OptimizerPage")),
});

const routeTree = rootRoute.addChildren([
  toDashboard("/"),
  toDashboard("/ui"),
  toDashboard("/index"),
  setupRoute,
  loginRoute,
  apiRoute,
  panelRoute.addChildren([
    dashboardRoute,
    playgroundRoute,
    channelRoute,
    keysRoute,
    galleryRoute,
    optimizerRoute,
    requestsRoute,
    requestRoute,
    logsRoute,
    settingRoute,
    updateRoute,
  ]),
]);

export const router = createRouter({
  routeTree,
  context: { queryClient },
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  defaultPendingComponent: PageSkeleton,
  defaultErrorComponent: CrashPage,
  defaultNotFoundComponent: NotFoundPage,
  scrollRestoration: true,
});
