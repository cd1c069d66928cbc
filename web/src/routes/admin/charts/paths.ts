/** The shapes of charts, as SVG paths. */

export interface Point {
  x: number;
  y: number;
}

const number = (value: number) => String(Math.round(value * 100) / 100);
const at = (x: number, y: number) => `${number(x)},${number(y)}`;

/** The slope at each point, such that the curve never leaves the values of its neighbours (Fritsch, Carlson). */
function slopes(points: Point[]): number[] {
  const secant = points.slice(1).map((point, index) => {
    const { x, y } = points[index] as Point;
    return (point.y - y) / (point.x - x);
  });
  return points.map((_, index) => {
    const before = secant[index - 1] ?? secant[index] ?? 0;
    const after = secant[index] ?? before;
    if (before * after <= 0) return 0;
    return (2 * before * after) / (before + after);
  });
}

/** A smooth line through points from left to right, without a bump that is in no value. */
export function curve(points: Point[]): string {
  const [first] = points;
  if (!first) return "";
  const slope = slopes(points);
  const parts = points.slice(1).map(({ x, y }, index) => {
    const from = points[index] as Point;
    const third = (x - from.x) / 3;
    return `C${at(from.x + third, from.y + third * (slope[index] ?? 0))} ${at(x - third, y - third * (slope[index + 1] ?? 0))} ${at(x, y)}`;
  });
  return `M${at(first.x, first.y)}${parts.join("")}`;
}

/** The area between that line and the axis. */
export function area(points: Point[], axis: number): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return "";
  return `${curve(points)}L${at(last.x, axis)}L${at(first.x, axis)}Z`;
}

interface Bar {
  x: number;
  y: number;
  width: number;
  height: number;
  /** The end that is round: where the value is. */
  round: "top" | "right" | "none";
}

const RADIUS = 2;

/** A bar that stands on its axis and is round at the other end; nothing where there is no value. */
export function bar({ x, y, width, height, round }: Bar): string {
  if (width <= 0 || height <= 0) return "";
  const r = Math.min(RADIUS, width / 2, height / 2);
  if (round === "none") return `M${at(x, y)}h${number(width)}v${number(height)}h${number(-width)}Z`;
  const arc = (dx: number, dy: number) => `a${number(r)},${number(r)} 0 0 1 ${number(dx)},${number(dy)}`;
  if (round === "top") {
    return `M${at(x, y + height)}V${number(y + r)}${arc(r, -r)}H${number(x + width - r)}${arc(r, r)}V${number(y + height)}Z`;
  }
  return `M${at(x, y)}H${number(x + width - r)}${arc(r, r)}V${number(y + height - r)}${arc(-r, r)}H${number(x)}Z`;
}
