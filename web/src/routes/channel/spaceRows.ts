import type { SpaceMap } from "@/api/types";

export interface SpaceRow {
  id: string;
  model: string;
  main: string;
  backup: string;
}

export interface SpaceFlaw {
  field: "model" | "main" | "backup";
  kind: "missing" | "twice" | "url";
}

export function rowsOf(map: SpaceMap): SpaceRow[] {
  return Object.entries(map).map(([model, { main, backup }]) => ({
    id: model,
    model,
    main,
    backup: backup ?? "",
  }));
}

export function toSpaces(rows: readonly SpaceRow[]): SpaceMap {
  return Object.fromEntries(
    rows.map(({ model, main, backup }) => [
      model.trim(),
      backup.trim() ? { main: main.trim(), backup: backup.trim() } : { main: main.trim() },
    ]),
  );
}

const isAddress = (text: string) => /^https?:\/\/[^\s/]+/i.test(text.trim());

/** What is wrong with each row, if anything: the first thing only. */
export function flawsOf(rows: readonly SpaceRow[]): (SpaceFlaw | null)[] {
  return rows.map(({ model, main, backup }, index) => {
    const name = model.trim();
    if (!name) return { field: "model", kind: "missing" };
    if (rows.findIndex((row) => row.model.trim() === name) < index) return { field: "model", kind: "twice" };
    if (!isAddress(main)) return { field: "main", kind: "url" };
    if (backup.trim() && !isAddress(backup)) return { field: "backup", kind: "url" };
    return null;
  });
}
