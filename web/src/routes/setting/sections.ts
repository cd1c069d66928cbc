import type { Setting } from "@/api/types";

/** Which settings stand together, and on which tab. Platforms' own settings are on the page of channels. */
export const TABS = ["access", "system", "drawing", "limits", "storage", "security"] as const;
export type Tab = (typeof TABS)[number];

export const SECTIONS = {
  modes: { tab: "access", paths: ["system.modes.relay", "system.modes.backend"] },
  globalKey: {
    tab: "access",
    paths: ["system.globalAccessKey", "system.globalKeyIsAdmin", "system.allowAnonymous", "modelsRequireKey"],
  },
  address: { tab: "access", paths: ["system.publicBaseUrl", "system.cors", "security.corsOrigins"] },
  listener: { tab: "system", paths: ["system.port", "system.host", "system.healthCheck", "system.demo"] },
  logging: {
    tab: "system",
    paths: ["system.logLevel", "system.logFormat", "system.requestLogging", "system.logPrompts"],
  },
  metrics: { tab: "system", paths: ["metrics.enabled", "metrics.listen", "update.url"] },
  shared: { tab: "system", paths: ["system.databaseUrl", "system.redisUrl"] },
  other: { tab: "system", paths: [] },
  routing: {
    tab: "drawing",
    paths: [
      "routing.strategy",
      "routing.unknownModel",
      "routing.clientModelNames",
      "routing.failoverOnModeration",
      "routing.retryUncertain",
      "routing.deadline",
      "system.apiTimeout",
    ],
  },
  answers: {
    tab: "drawing",
    paths: [
      "api.defaultResponseFormat",
      "chat.continueFromLastImage",
      "chat.messageImages",
      "api.jsonKeepAlive",
    ],
  },
  webhooks: { tab: "drawing", paths: ["webhooks.url", "webhooks.secret"] },
  compression: { tab: "drawing", paths: ["system.compressThreshold", "system.compressTarget"] },
  capacity: {
    tab: "limits",
    paths: [
      "limits.concurrentDraws",
      "limits.keyConcurrency",
      "limits.keyPerMinute",
      "limits.relayPerMinute",
      "limits.urlFetchesPerMinute",
      "limits.maxConnections",
      "limits.connectionsPerIp",
      "system.maxBodySize",
      "limits.inFlightBytes",
    ],
  },
  timing: {
    tab: "limits",
    paths: [
      "limits.headerTimeout",
      "limits.bodyIdleTimeout",
      "limits.bodyTimeout",
      "limits.keepAlive",
      "limits.drain",
    ],
  },
  pictures: { tab: "storage", paths: ["storage.durability", "storage.requireAuth"] },
  retention: { tab: "storage", paths: ["retention.pictureDays", "retention.requestLogDays"] },
  bucket: {
    tab: "storage",
    paths: ["endpoint", "bucket", "accessKey", "secretKey", "region", "style", "prefix", "publicUrl"].map(
      (name) => `storage.s3.${name}`,
    ),
  },
  imageBed: {
    tab: "storage",
    paths: ["baseUrl", "authCode", "uploadEndpoint", "uploadFolder", "uploadChannel"].map(
      (name) => `imageBed.${name}`,
    ),
  },
  network: {
    tab: "security",
    paths: ["security.allowedHosts", "security.allowPrivate", "security.trustedProxies"],
  },
  credentials: { tab: "security", paths: ["security.adminKey"] },
} as const satisfies Record<string, { tab: Tab; paths: readonly string[] }>;

export type SectionName = keyof typeof SECTIONS;
export const SECTION_NAMES = Object.keys(SECTIONS) as SectionName[];

/** What has a page of its own, or none: a password is changed where the present one is asked for. */
const ELSEWHERE = ["providers.", "promptOptimizer.", "hfModelMap", "security.adminPassword"];

const PLACED = new Map<string, SectionName>(
  SECTION_NAMES.flatMap((name) => SECTIONS[name].paths.map((path): [string, SectionName] => [path, name])),
);

/** The section of a setting; one that the panel does not know yet is among the others. */
export function sectionOf(path: string): SectionName | null {
  if (ELSEWHERE.some((prefix) => path.startsWith(prefix))) return null;
  return PLACED.get(path) ?? "other";
}

export function tabOf(path: string): Tab | null {
  const section = sectionOf(path);
  return section && SECTIONS[section].tab;
}

/** The settings of a section, in its order. */
export function settingsOf(name: SectionName, settings: readonly Setting[]): Setting[] {
  if (name === "other") return settings.filter(({ path }) => sectionOf(path) === "other");
  return SECTIONS[name].paths.flatMap((path) => settings.find((setting) => setting.path === path) ?? []);
}
