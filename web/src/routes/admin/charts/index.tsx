/**
 * The dashboard's charts, drawn here: a library of charts weighs more than everything else that the
 * dashboard loads.
 */
import { useTranslation } from "react-i18next";
import type { Stats } from "@/api/types";
import { useFormat } from "@/ui/format";
import { type Box, NamesAlong, NamesDown, RIGHT_OF_BOX, ValuesAlong, ValuesUp } from "./axes";
import classes from "./Charts.module.css";
import { Frame, type Series } from "./Frame";
import { area, bar, curve } from "./paths";
import { durationTicks, place, ticks } from "./scale";
import { axisLabel, picturesPerDay } from "./series";

interface Size {
  width: number;
  height: number;
}

/** The field that values are drawn in, `left` pixels being for what names them. */
const boxOf = ({ width, height }: Size, left: number): Box => ({
  left,
  right: width - RIGHT_OF_BOX,
  top: 8,
  bottom: height - 28,
});

/** What the numbers at the left take, the names there, and a tooltip of two lines. */
const NUMBERS = 44;
const NAMES = 96;
const TIP_HEIGHT = 86;

export function TrafficChart({ stats }: { stats: Stats }) {
  const { t } = useTranslation("dashboard");
  const format = useFormat();
  const span = stats.to - stats.from;
  const points = stats.series.map(({ time }) => axisLabel(time, span, format.locale));
  const series: Series[] = [
    {
      label: t("charts.ok"),
      color: "var(--mantine-color-brand-5)",
      values: stats.series.map(({ requests, errors }) => requests - errors),
    },
    {
      label: t("charts.failed"),
      color: "var(--mantine-color-red-6)",
      values: stats.series.map(({ errors }) => errors),
    },
  ];
  const scale = ticks(Math.max(0, ...stats.series.map(({ requests }) => requests)), { whole: true });
  const end = scale.at(-1) ?? 1;
  const band = (box: Box) => (box.right - box.left) / Math.max(points.length, 1);
  return (
    <Frame
      label={t("charts.trafficSummary", {
        requests: format.number(stats.totals.requests),
        rate: format.percent(stats.totals.errorRate),
      })}
      points={points}
      series={series}
      format={(value) => format.number(value)}
      locate={(x, _, size) => Math.floor((x - NUMBERS) / band(boxOf(size, NUMBERS)))}
      anchor={(point, size) => ({ x: NUMBERS + (point + 0.5) * band(boxOf(size, NUMBERS)), y: 12 })}
    >
      {({ active, ...size }) => {
        const box = boxOf(size, NUMBERS);
        const room = band(box);
        const width = Math.max(1, Math.min(room * 0.8, 40));
        const x = (point: number) => box.left + (point + 0.5) * room;
        return (
          <>
            <ValuesUp box={box} ticks={scale} format={format.compact} />
            {active !== null && (
              <rect
                className={classes.cursor}
                x={x(active) - room / 2}
                y={box.top}
                width={room}
                height={box.bottom - box.top}
              />
            )}
            {series.map(({ label, color, values }, layer) => (
              <path
                key={label}
                fill={color}
                d={values
                  .map((value, point) => {
                    const below = layer === 0 ? 0 : (series[0]?.values[point] ?? 0);
                    const above = layer === 0 ? (series[1]?.values[point] ?? 0) : 0;
                    const y = place(below + value, end, box.bottom, box.top);
                    const foot = place(below, end, box.bottom, box.top);
                    const round = above > 0 ? "none" : "top";
                    return bar({ x: x(point) - width / 2, y, width, height: foot - y, round });
                  })
                  .join("")}
              />
            ))}
            <NamesAlong box={box} names={points} x={x} />
          </>
        );
      }}
    </Frame>
  );
}

/** Platforms beyond these would make rows too thin to read. */
const ROWS = 6;

export function LatencyChart({ stats }: { stats: Stats }) {
  const { t } = useTranslation("dashboard");
  const format = useFormat();
  const groups = stats.byPlatform.filter(({ p50Ms }) => p50Ms !== null).slice(0, ROWS);
  const points = groups.map(({ label }) => label);
  const series: Series[] = [
    { label: "P50", color: "var(--mantine-color-brand-3)", values: groups.map(({ p50Ms }) => p50Ms ?? 0) },
    { label: "P95", color: "var(--mantine-color-brand-6)", values: groups.map(({ p95Ms }) => p95Ms ?? 0) },
  ];
  const greatest = Math.max(0, ...series.flatMap(({ values }) => values));
  const row = (box: Box) => (box.bottom - box.top) / Math.max(points.length, 1);
  return (
    <Frame
      label={t("charts.latencySummary", {
        list: groups.map(({ label, p95Ms }) => `${label} ${format.duration(p95Ms ?? 0)}`).join(", "),
      })}
      points={points}
      series={series}
      format={(value) => format.duration(value)}
      locate={(_, y, size) => Math.floor((y - boxOf(size, NAMES).top) / row(boxOf(size, NAMES)))}
      anchor={(point, size) => {
        const box = boxOf(size, NAMES);
        // Below the row, or above one that is low: its bars stay in sight.
        const below = box.top + (point + 1) * row(box) + 2;
        const above = box.top + point * row(box) - TIP_HEIGHT - 2;
        return { x: box.left + 40, y: above < 0 ? below : above };
      }}
    >
      {({ active, ...size }) => {
        const box = boxOf(size, NAMES);
        const room = row(box);
        const scale = durationTicks(greatest, size.width < 420 ? 3 : 4);
        const end = scale.at(-1) ?? 1;
        const thick = Math.min(14, room * 0.4);
        const middle = (point: number) => box.top + (point + 0.5) * room;
        return (
          <>
            <ValuesAlong box={box} ticks={scale} format={format.duration} />
            {active !== null && (
              <rect
                className={classes.cursor}
                x={box.left}
                y={middle(active) - room / 2}
                width={box.right - box.left}
                height={room}
              />
            )}
            {series.map(({ label, color, values }, half) => (
              <path
                key={label}
                fill={color}
                d={values
                  .map((value, point) =>
                    bar({
                      x: box.left,
                      y: middle(point) + (half === 0 ? -thick - 1 : 1),
                      width: place(value, end, 0, box.right - box.left),
                      height: thick,
                      round: "right",
                    }),
                  )
                  .join("")}
              />
            ))}
            <NamesDown box={box} names={points} y={middle} />
          </>
        );
      }}
    </Frame>
  );
}

export function PicturesChart({ stats }: { stats: Stats }) {
  const { t } = useTranslation("dashboard");
  const format = useFormat();
  const span = stats.to - stats.from;
  const data = picturesPerDay(stats.series, span);
  const points = data.map(({ time }) => axisLabel(time, span, format.locale));
  const values = data.map(({ pictures }) => pictures);
  const color = "var(--mantine-color-teal-6)";
  const scale = ticks(Math.max(0, ...values), { whole: true });
  const end = scale.at(-1) ?? 1;
  const step = (box: Box) => (box.right - box.left) / Math.max(points.length - 1, 1);
  const places = (box: Box) =>
    values.map((value, point) => ({
      x: points.length === 1 ? (box.left + box.right) / 2 : box.left + point * step(box),
      y: place(value, end, box.bottom, box.top),
    }));
  return (
    <Frame
      label={t("charts.picturesSummary", { pictures: format.number(stats.totals.pictures) })}
      points={points}
      series={[{ label: t("charts.pictures"), color, values }]}
      format={(value) => format.number(value)}
      legend={false}
      locate={(x, _, size) => Math.round((x - NUMBERS) / step(boxOf(size, NUMBERS)))}
      anchor={(point, size) => ({ x: places(boxOf(size, NUMBERS))[point]?.x ?? 0, y: 12 })}
    >
      {({ active, ...size }) => {
        const box = boxOf(size, NUMBERS);
        const line = places(box);
        const looked = active === null ? undefined : line[active];
        return (
          <>
            <ValuesUp box={box} ticks={scale} format={format.compact} />
            <path className={classes.area} fill={color} d={area(line, box.bottom)} />
            <path className={classes.line} stroke={color} d={curve(line)} />
            {looked && (
              <line className={classes.rule} x1={looked.x} x2={looked.x} y1={box.top} y2={box.bottom} />
            )}
            {(looked ?? (line.length === 1 ? line[0] : undefined)) && (
              <circle
                className={classes.dot}
                fill={color}
                cx={(looked ?? line[0])?.x}
                cy={(looked ?? line[0])?.y}
                r={4}
              />
            )}
            <NamesAlong box={box} names={points} x={(point) => line[point]?.x ?? 0} />
          </>
        );
      }}
    </Frame>
  );
}
