/**
 * The shapes of the admin API (`/api`), by the names that the panel uses. They are made from the
 * gateway's own OpenAPI document (`schema.d.ts`, written by `npm run types`): what changes there and is
 * not followed here does not compile. Written by hand is only what streams send and what a call's action
 * makes of a common answer.
 */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Task = Schemas["TaskName"];
export type Window = Schemas["WindowName"];
export type ErrorBody = Schemas["ErrorBody"];
export type Done = Schemas["Done"];

export type SessionState = Schemas["SessionState"];
export type SessionInfo = Schemas["SessionInfo"];
export type SessionList = Schemas["SessionList"];
export type AuditEntry = Schemas["AuditEntry"];
export type AuditPage = Schemas["AuditPage"];

export type ConfigSnapshot = Schemas["ConfigSnapshot"];
export type Provider = Schemas["Provider"];
export type ProviderTask = Schemas["ProviderTask"];
export type Setting = Schemas["Setting"];
export type ConfigSaved = Schemas["Changed"];
/** A merge patch of the runtime configuration: `null` deletes a value. */
export type ConfigPatch = { [name: string]: ConfigValue };
export type ConfigValue = string | number | boolean | null | string[] | ConfigPatch;

export type Key = Schemas["Key"];
export type KeyItem = Schemas["KeyItem"];
export type KeyTest = Schemas["KeyTest"];
export type KeyPool = Extract<Schemas["PoolAnswer"], { pool: unknown }>;
export type ImportVerdict = Schemas["PreviewVerdict"];
/** What the actions on a pool answer: of the common outcome the members that each one fills. */
type Filled<Name extends keyof Schemas["Outcome"]> = {
  [Member in Name | "ok"]-?: NonNullable<Schemas["Outcome"][Member]>;
};
export type KeyAdded = Filled<"id">;
export type KeysImported = Filled<"added" | "duplicates" | "invalid">;
export type ImportPreview = Filled<"items">;
export type KeysDeleted = Filled<"deleted">;
export type KeyTried = Filled<"test">;
export type KeyTests = Filled<"results">;

/** Keys of callers. */
export type ClientKey = Schemas["ClientKey"];
export type ClientKeyList = Schemas["ClientKeyList"];
export type NewClientKey = Schemas["NewClientKey"];
export type MadeClientKey = Schemas["MadeClientKey"];

export type Stats = Schemas["DashboardStats"];
export type Totals = Schemas["Totals"];
export type SeriesPoint = Schemas["SeriesPoint"];
export type Group = Schemas["StatsGroup"];

export type RequestRow = Schemas["RequestRow"];
export type AttemptRow = Schemas["AttemptRow"];
export type RequestPage = Schemas["RequestPage"];
export type RequestDetail = Schemas["RequestDetail"];

export type GalleryItem = Schemas["GalleryItem"];
export type GalleryPage = Extract<Schemas["GalleryAnswer"], { items: unknown }>;
export type GalleryFacets = Schemas["GalleryFacets"];
export type Counted = Schemas["NameCount"];
export type GalleryDeleted = Schemas["Deleted"];
export type GalleryRestored = Schemas["Restored"];
export type GalleryZip = Schemas["ZipOrder"];

export type PromptOptimizerConfig = Schemas["OptimizerConfig"];
export type OptimizerTrial = Schemas["OptimizerTried"];
export type SpaceAddress = Schemas["SpacePair"];
export type SpaceMap = Record<string, SpaceAddress>;
export type FetchedModels = Schemas["ModelsFound"];
export type EndpointTrial = Schemas["ModelsFound"];
export type ChannelTrial = Schemas["ChannelTried"];
export type TrialResult = Schemas["Tried"];
export type ImageBedTrial = Schemas["Tried"];
export type UpdateState = Schemas["UpdateState"];

export type LogLevel = "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR";
export interface LogEntry {
  id: string | number;
  timestamp: string;
  level: LogLevel;
  module: string;
  message: string;
  requestId: string | null;
  fields: Record<string, string>;
}
export type LogMessage =
  | { type: "connected"; level: LogLevel }
  | ({ type: "log" } & LogEntry)
  | { type: "lagged"; missed: number };

/** What the server tells over `/api/events`, by the event's name. */
export interface ServerEvents {
  hello: Record<string, never>;
  request: RequestRow;
  key: Key;
  breaker: { provider: string; state: Provider["breaker"] };
  picture: GalleryItem;
  config: { etag: string };
  lagged: { missed: number };
}
