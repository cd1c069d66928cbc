import type { KeyboardEvent } from "react";
import { type GridRow, neighbour, rowOf } from "./layout";

interface Grid {
  rows: readonly GridRow[];
  ratios: readonly number[];
  /** The picture that has the focus. */
  active: number;
  goTo: (index: number) => void;
  select: (index: number, range: boolean) => void;
  selectAll: () => void;
  clear: () => void;
  remove: () => void;
  favorite: () => void;
}

const PAGE_ROWS = 4;

/** Where an arrow or a page key leads; null for other keys. */
function target({ rows, ratios, active }: Grid, key: string): number | null {
  const last = ratios.length - 1;
  const row = rowOf(rows, active);
  switch (key) {
    case "ArrowLeft":
      return Math.max(0, active - 1);
    case "ArrowRight":
      return Math.min(last, active + 1);
    case "ArrowUp":
      return neighbour(rows, ratios, active, -1);
    case "ArrowDown":
      return neighbour(rows, ratios, active, 1);
    case "PageUp":
      return rows[Math.max(0, row - PAGE_ROWS)]?.start ?? active;
    case "PageDown":
      return rows[Math.min(rows.length - 1, row + PAGE_ROWS)]?.start ?? active;
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return null;
  }
}

/** The keys of the grid: arrows move, Space selects, Shift draws a range, Delete deletes, F marks. */
export function gridKeys(grid: Grid) {
  return (event: KeyboardEvent) => {
    const { key, shiftKey } = event;
    const command = event.ctrlKey || event.metaKey;
    const next = command || event.altKey ? null : target(grid, key);
    const run = () => {
      if (next !== null) {
        if (shiftKey) {
          // The picture that the range begins at belongs to it.
          grid.select(grid.active, true);
          grid.select(next, true);
        }
        return () => grid.goTo(next);
      }
      if (command && key.toLowerCase() === "a") return grid.selectAll;
      if (command || event.altKey) return null;
      if (key === " ") return () => grid.select(grid.active, shiftKey);
      if (key === "Escape") return grid.clear;
      if (key === "Delete" || key === "Backspace") return grid.remove;
      if (key.toLowerCase() === "f") return grid.favorite;
      return null;
    };
    const action = run();
    if (!action) return;
    event.preventDefault();
    action();
  };
}
