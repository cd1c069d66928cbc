/** Which pictures are chosen, by file name, and where the last choice was made. */
export interface Selection {
  names: ReadonlySet<string>;
  /** A range is drawn from here. */
  anchor: string | null;
}

export const NOTHING: Selection = { names: new Set(), anchor: null };

export function toggle({ names }: Selection, name: string): Selection {
  const next = new Set(names);
  if (!next.delete(name)) next.add(name);
  return { names: next, anchor: name };
}

/** Adds everything from the anchor to the named picture; the anchor stays, so that the range can change. */
export function extend(selection: Selection, order: readonly string[], name: string): Selection {
  const from = selection.anchor === null ? -1 : order.indexOf(selection.anchor);
  const to = order.indexOf(name);
  if (to < 0) return selection;
  if (from < 0) return { names: new Set(selection.names).add(name), anchor: name };
  const names = new Set(selection.names);
  for (const each of order.slice(Math.min(from, to), Math.max(from, to) + 1)) names.add(each);
  return { names, anchor: selection.anchor };
}

/** Without what is no longer there. */
export function without({ names, anchor }: Selection, gone: Iterable<string>): Selection {
  const next = new Set(names);
  for (const name of gone) next.delete(name);
  return { names: next, anchor: anchor !== null && next.has(anchor) ? anchor : null };
}
