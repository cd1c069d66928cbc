import { compact, oneOf } from "@/api/search";
import { TABS, type Tab } from "./sections";

export interface SettingSearch {
  tab?: Tab;
}

export function settingSearch(search: Record<string, unknown>): SettingSearch {
  return compact<SettingSearch>({ tab: oneOf(search.tab, TABS) });
}
