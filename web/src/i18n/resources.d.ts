import "i18next";
import type attempts from "./locales/en/attempts.json";
import type auth from "./locales/en/auth.json";
import type channel from "./locales/en/channel.json";
import type common from "./locales/en/common.json";
import type dashboard from "./locales/en/dashboard.json";
import type docs from "./locales/en/docs.json";
import type gallery from "./locales/en/gallery.json";
import type keys from "./locales/en/keys.json";
import type lists from "./locales/en/lists.json";
import type logs from "./locales/en/logs.json";
import type optimizer from "./locales/en/optimizer.json";
import type playground from "./locales/en/playground.json";
import type requests from "./locales/en/requests.json";
import type setting from "./locales/en/setting.json";
import type settings from "./locales/en/settings.json";
import type update from "./locales/en/update.json";

/** The English texts say which keys there are; a test holds the other languages to them. */
declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: {
      attempts: typeof attempts;
      auth: typeof auth;
      channel: typeof channel;
      common: typeof common;
      dashboard: typeof dashboard;
      docs: typeof docs;
      gallery: typeof gallery;
      keys: typeof keys;
      lists: typeof lists;
      logs: typeof logs;
      optimizer: typeof optimizer;
      playground: typeof playground;
      requests: typeof requests;
      setting: typeof setting;
      settings: typeof settings;
      update: typeof update;
    };
  }
}
