import { Text } from "@mantine/core";
import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import classes from "./Charts.module.css";
import { CHART_HEIGHT, LEGEND_HEIGHT } from "./height";

export interface Series {
  label: string;
  /** A colour of the theme. */
  color: string;
  /** One value for each point. */
  values: number[];
}

/** What the frame gives to what is drawn in it. */
export interface Area {
  width: number;
  height: number;
  /** The point that is looked at. */
  active: number | null;
}

interface Props {
  /** One sentence that says what the chart shows. */
  label: string;
  /** The names of the points. */
  points: string[];
  series: Series[];
  format: (value: number) => string;
  legend?: boolean;
  /** The point at a place of the drawing. */
  locate: (x: number, y: number, size: { width: number; height: number }) => number;
  /** Where the tooltip of a point stands. */
  anchor: (point: number, size: { width: number; height: number }) => { x: number; y: number };
  children: (area: Area) => ReactNode;
}

/** The width of an element, anew whenever it changes. */
function useWidth() {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width] as const;
}

const STEPS: Record<string, (point: number, last: number) => number> = {
  ArrowRight: (point) => point + 1,
  ArrowDown: (point) => point + 1,
  ArrowLeft: (point) => point - 1,
  ArrowUp: (point) => point - 1,
  PageDown: (point, last) => point + Math.ceil(last / 6),
  PageUp: (point, last) => point - Math.ceil(last / 6),
  Home: () => 0,
  End: (_, last) => last,
};

/**
 * What charts have in common: size, legend, and the point that is looked at. That point is the value of a
 * slider: pointers and arrow keys move it, and a screen reader says what stands there.
 */
export function Frame({ label, points, series, format, legend = true, locate, anchor, children }: Props) {
  const [ref, width] = useWidth();
  const [active, setActive] = useState<number | null>(null);
  const size = { width, height: CHART_HEIGHT - (legend ? LEGEND_HEIGHT : 0) };
  const last = points.length - 1;
  const shown = active === null ? null : Math.min(active, last);
  const said = (point: number) =>
    `${points[point]}: ${series.map(({ label, values }) => `${label} ${format(values[point] ?? 0)}`).join(", ")}`;

  const follow = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    setActive(Math.max(0, Math.min(last, locate(event.clientX - box.left, event.clientY - box.top, size))));
  };
  const step = (event: KeyboardEvent) => {
    if (event.key === "Escape") return setActive(null);
    const next = STEPS[event.key];
    if (!next) return;
    event.preventDefault();
    setActive(Math.max(0, Math.min(last, next(shown ?? last, last))));
  };

  return (
    <div className={classes.chart} style={{ height: CHART_HEIGHT }}>
      {legend && <Legend series={series} />}
      <div
        ref={ref}
        className={classes.plot}
        style={{ height: size.height }}
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={Math.max(last, 0)}
        aria-valuenow={shown ?? last}
        aria-valuetext={said(shown ?? last)}
        onPointerMove={follow}
        onPointerDown={follow}
        onPointerLeave={() => setActive(null)}
        onFocus={(event) => event.currentTarget.matches(":focus-visible") && setActive(shown ?? last)}
        onBlur={() => setActive(null)}
        onKeyDown={step}
      >
        {width > 0 && (
          <svg width={width} height={size.height} aria-hidden focusable={false}>
            {children({ ...size, active: shown })}
          </svg>
        )}
        {shown !== null && width > 0 && (
          <Tip title={points[shown] ?? ""} at={anchor(shown, size)} width={width}>
            {series.map(({ label, color, values }) => (
              <div key={label} className={classes.entry}>
                <i style={{ background: color }} />
                <span>{label}</span>
                <b>{format(values[shown] ?? 0)}</b>
              </div>
            ))}
          </Tip>
        )}
      </div>
    </div>
  );
}

function Legend({ series }: { series: Series[] }) {
  return (
    <div className={classes.legend} style={{ height: LEGEND_HEIGHT }} aria-hidden>
      {series.map(({ label, color }) => (
        <span key={label}>
          <i style={{ background: color }} />
          {label}
        </span>
      ))}
    </div>
  );
}

interface TipProps {
  title: string;
  at: { x: number; y: number };
  width: number;
  children: ReactNode;
}

/** Beside the point, on the side where there is more room. */
function Tip({ title, at, width, children }: TipProps) {
  const left = at.x > width / 2;
  const side = left ? { right: width - at.x + 12 } : { left: at.x + 12 };
  return (
    <div className={classes.tip} style={{ top: at.y, ...side }} aria-hidden>
      <Text size="sm" fw={600} mb={4}>
        {title}
      </Text>
      {children}
    </div>
  );
}
