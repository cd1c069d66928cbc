/** What the panel reads from the gateway: one definition per thing, shared by all pages. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { rememberSignedIn } from "./begun";
import { api } from "./client";
import type {
  AuditPage,
  ClientKeyList,
  ConfigSnapshot,
  GalleryFacets,
  GalleryItem,
  GalleryPage,
  KeyPool,
  PromptOptimizerConfig,
  RequestDetail,
  RequestPage,
  SessionList,
  SessionState,
  SpaceMap,
  Stats,
  Task,
  UpdateState,
  Window,
} from "./types";

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ signal }) => {
    const session = await api.get<SessionState>("/api/session", {}, signal);
    rememberSignedIn(session.signedIn);
    return session;
  },
  staleTime: 60_000,
});

export const configQuery = queryOptions({
  queryKey: ["config"],
  queryFn: ({ signal }) => api.get<ConfigSnapshot>("/api/config", {}, signal),
  staleTime: 30_000,
});

export const keysQuery = (provider: string) =>
  queryOptions({
    queryKey: ["keys", provider],
    queryFn: ({ signal }) => api.get<KeyPool>("/api/key-pool", { provider }, signal).then(({ pool }) => pool),
    staleTime: 10_000,
  });

export const clientKeysQuery = queryOptions({
  queryKey: ["clientKeys"],
  queryFn: ({ signal }) => api.get<ClientKeyList>("/api/client-keys", {}, signal).then(({ keys }) => keys),
  staleTime: 10_000,
});

export const statsQuery = (window: Window) =>
  queryOptions({
    queryKey: ["stats", window],
    queryFn: ({ signal }) => api.get<Stats>("/api/dashboard/stats", { window }, signal),
    placeholderData: keepPreviousData,
    staleTime: 5_000,
    refetchInterval: 60_000,
  });

export interface RequestFilter {
  status?: "ok" | "failed";
  provider?: string;
  model?: string;
  key?: string;
  client?: string;
  task?: Task;
  q?: string;
  from?: number;
  to?: number;
}

export const requestsQuery = (filter: RequestFilter) =>
  infiniteQueryOptions({
    queryKey: ["requests", "list", filter],
    queryFn: ({ pageParam, signal }) =>
      api.get<RequestPage>("/api/requests", { ...filter, cursor: pageParam, limit: 50 }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    placeholderData: keepPreviousData,
  });

export const requestQuery = (id: string) =>
  queryOptions({
    queryKey: ["requests", "one", id],
    queryFn: ({ signal }) => api.get<RequestDetail>(`/api/requests/${encodeURIComponent(id)}`, {}, signal),
  });

export interface GalleryFilter {
  q?: string;
  model?: string;
  provider?: string;
  task?: Task;
  from?: number;
  to?: number;
  favorite?: 1;
}

export const galleryQuery = (filter: GalleryFilter, limit = 60) =>
  infiniteQueryOptions({
    queryKey: ["gallery", "list", filter, limit],
    queryFn: ({ pageParam, signal }) =>
      api.get<GalleryPage>("/api/gallery", { ...filter, cursor: pageParam, limit }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    placeholderData: keepPreviousData,
  });

export const pictureQuery = (filename: string) =>
  queryOptions({
    queryKey: ["gallery", "one", filename],
    queryFn: ({ signal }) => api.get<GalleryItem>(`/api/gallery/${encodeURIComponent(filename)}`, {}, signal),
    retry: false,
  });

export const facetsQuery = queryOptions({
  queryKey: ["gallery", "facets"],
  queryFn: ({ signal }) => api.get<GalleryFacets>("/api/gallery/facets", {}, signal),
});

/** The newest few pictures, for the dashboard. */
export const newestPicturesQuery = (limit: number) =>
  queryOptions({
    queryKey: ["gallery", "newest", limit],
    queryFn: ({ signal }) =>
      api.get<GalleryPage>("/api/gallery", { limit }, signal).then(({ items }) => items),
  });

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: ({ signal }) => api.get<SessionList>("/api/sessions", {}, signal).then(({ sessions }) => sessions),
});

export const auditQuery = infiniteQueryOptions({
  queryKey: ["audit"],
  queryFn: ({ pageParam, signal }) =>
    api.get<AuditPage>("/api/audit", { before: pageParam, limit: 50 }, signal),
  initialPageParam: null as number | null,
  getNextPageParam: (page) => page.nextCursor,
});

export const optimizerQuery = queryOptions({
  queryKey: ["optimizer"],
  queryFn: ({ signal }) => api.get<PromptOptimizerConfig>("/api/config/prompt-optimizer", {}, signal),
});

export const spacesQuery = queryOptions({
  queryKey: ["spaces"],
  queryFn: ({ signal }) => api.get<SpaceMap>("/api/config/hf-map", {}, signal),
});

export const updateQuery = queryOptions({
  queryKey: ["update"],
  queryFn: ({ signal }) => api.get<UpdateState>("/api/update/check", {}, signal),
  staleTime: 60 * 60_000,
});
