import classes from "./Charts.module.css";
import { nameEvery, place, shortened, textWidth } from "./scale";

/** Room around what is drawn: for names and numbers. */
export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Between two names under the axis. */
const GAP = 24;

interface ValuesProps {
  box: Box;
  ticks: number[];
  format: (value: number) => string;
}

/** Values at the left, each with a line across. */
export function ValuesUp({ box, ticks, format }: ValuesProps) {
  const end = ticks.at(-1) ?? 1;
  return ticks.map((tick) => {
    const y = Math.round(place(tick, end, box.bottom, box.top)) + 0.5;
    return (
      <g key={tick}>
        <line className={classes.grid} x1={box.left} x2={box.right} y1={y} y2={y} />
        <text className={classes.name} x={box.left - 10} y={y} dy="0.32em" textAnchor="end">
          {format(tick)}
        </text>
      </g>
    );
  });
}

/** Values at the foot, each with a line upwards. */
export function ValuesAlong({ box, ticks, format }: ValuesProps) {
  const end = ticks.at(-1) ?? 1;
  return ticks.map((tick, index) => {
    const x = Math.round(place(tick, end, box.left, box.right)) + 0.5;
    const text = format(tick);
    // The last one would stick out.
    const last = index === ticks.length - 1;
    const over = last ? Math.max(0, textWidth(text) / 2 - RIGHT_OF_BOX) : 0;
    return (
      <g key={tick}>
        <line className={classes.grid} x1={x} x2={x} y1={box.top} y2={box.bottom} />
        <text className={classes.name} x={x - over} y={box.bottom + 20} textAnchor="middle">
          {text}
        </text>
      </g>
    );
  });
}

/** What stays free at the right of every drawing. */
export const RIGHT_OF_BOX = 8;

interface NamesProps {
  box: Box;
  names: string[];
  /** The middle of a point. */
  x: (point: number) => number;
}

/** Names of points at the foot: as many as fit, evenly, and none across the edge. */
export function NamesAlong({ box, names, x }: NamesProps) {
  const widest = Math.max(0, ...names.map((name) => textWidth(name)));
  const room = names.length > 1 ? (x(names.length - 1) - x(0)) / (names.length - 1) : Infinity;
  const every = nameEvery(room, widest + GAP);
  return names.map((name, point) => {
    if (point % every !== 0) return null;
    const half = textWidth(name) / 2;
    const middle = Math.min(Math.max(x(point), half), box.right + RIGHT_OF_BOX - half);
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: two points may have one name, and points do not move
      <text key={point} className={classes.name} x={middle} y={box.bottom + 20} textAnchor="middle">
        {name}
      </text>
    );
  });
}

interface RowsProps {
  box: Box;
  names: string[];
  /** The middle of a row. */
  y: (row: number) => number;
}

/** Names of rows at the left. */
export function NamesDown({ box, names, y }: RowsProps) {
  return names.map((name, row) => (
    <text key={name} className={classes.name} x={box.left - 12} y={y(row)} dy="0.32em" textAnchor="end">
      {shortened(name, box.left - 14)}
      <title>{name}</title>
    </text>
  ));
}
