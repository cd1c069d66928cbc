/** Pictures in rows that fill the width, each picture whole and in its own shape. */

export interface GridRow {
  /** The first picture of the row, and the one after its last. */
  start: number;
  end: number;
  height: number;
}

interface Room {
  width: number;
  /** The height that rows are to come near to. */
  target: number;
  gap: number;
}

/** Banners and slivers are cut: a row of one picture must not fill the window, nor one be a line. */
const NARROWEST = 0.5;
const WIDEST = 2.6;

interface Shape {
  width: number;
  height: number;
}

export function ratioOf({ width, height }: Shape): number {
  if (width <= 0 || height <= 0) return 1;
  return Math.min(WIDEST, Math.max(NARROWEST, width / height));
}

/**
 * Breaks the pictures, from the given one on, into rows. Each row takes one more picture while that brings
 * it nearer the target.
 */
export function justify(ratios: readonly number[], { width, target, gap }: Room, from = 0): GridRow[] {
  const rows: GridRow[] = [];
  if (width <= 0) return rows;
  const heightOf = (sum: number, count: number) => (width - gap * (count - 1)) / sum;
  let start = from;
  let sum = 0;
  for (let index = from; index < ratios.length; index += 1) {
    const ratio = ratios[index] ?? 1;
    const count = index - start + 1;
    const withIt = heightOf(sum + ratio, count);
    if (withIt > target) {
      sum += ratio;
      continue;
    }
    const without = count > 1 ? heightOf(sum, count - 1) : Number.POSITIVE_INFINITY;
    const closes = target - withIt <= without - target;
    rows.push({ start, end: closes ? index + 1 : index, height: closes ? withIt : without });
    start = closes ? index + 1 : index;
    sum = closes ? 0 : ratio;
  }
  // The last row is left open: a single picture stretched over the window looks like a mistake.
  if (start < ratios.length) {
    rows.push({ start, end: ratios.length, height: Math.min(target, heightOf(sum, ratios.length - start)) });
  }
  return rows;
}

export interface Layout {
  items: readonly Shape[];
  room: Room;
  ratios: readonly number[];
  rows: readonly GridRow[];
}

/** Lays pictures out. What only has more pictures at its end keeps the rows that it had. */
export function layOut(items: readonly Shape[], room: Room, before: Layout | null): Layout {
  const kept = before?.items.length ?? 0;
  const goesOn =
    before !== null &&
    kept > 0 &&
    kept < items.length &&
    before.room.width === room.width &&
    before.room.target === room.target &&
    before.items[0] === items[0] &&
    before.items[kept - 1] === items[kept - 1];
  if (!goesOn) {
    const ratios = items.map(ratioOf);
    return { items, room, ratios, rows: justify(ratios, room) };
  }
  const ratios = before.ratios.concat(items.slice(kept).map(ratioOf));
  // The last row was open.
  const full = before.rows.slice(0, -1);
  return { items, room, ratios, rows: full.concat(justify(ratios, room, full.at(-1)?.end ?? 0)) };
}

/** The row that holds a picture. */
export function rowOf(rows: readonly GridRow[], index: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.end ?? 0) <= index) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The picture above or below another: the one in that row whose middle is nearest. */
export function neighbour(
  rows: readonly GridRow[],
  ratios: readonly number[],
  index: number,
  direction: -1 | 1,
): number {
  const from = rowOf(rows, index);
  const here = rows[from];
  const there = rows[from + direction];
  if (!here || !there) return index;
  const middleOf = (row: GridRow, at: number) => {
    let x = 0;
    for (let each = row.start; each < at; each += 1) x += (ratios[each] ?? 1) * row.height;
    return x + ((ratios[at] ?? 1) * row.height) / 2;
  };
  const middle = middleOf(here, index);
  let best = there.start;
  for (let each = there.start; each < there.end; each += 1) {
    if (Math.abs(middleOf(there, each) - middle) < Math.abs(middleOf(there, best) - middle)) best = each;
  }
  return best;
}
