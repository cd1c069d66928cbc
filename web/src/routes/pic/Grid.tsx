import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type MouseEvent, memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { GalleryItem } from "@/api/types";
import { usePlace } from "@/ui/usePlace";
import { Cell, type CellTexts } from "./Cell";
import classes from "./Gallery.module.css";
import { gridKeys } from "./gridKeys";
import { type GridRow, type Layout, layOut, rowOf } from "./layout";

const GAP = 8;
/** Rows that are kept ready outside the window, and how near the end more pictures are asked for. */
const OVERSCAN = 3;
const AHEAD = 12;

const targetHeight = (width: number) => (width < 600 ? 150 : 208);

interface Props {
  items: readonly GalleryItem[];
  selected: ReadonlySet<string>;
  onOpen: (item: GalleryItem) => void;
  onSelect: (item: GalleryItem, range: boolean) => void;
  onSelectAll: () => void;
  onClear: () => void;
  onRemove: (item: GalleryItem) => void;
  onFavorite: (item: GalleryItem) => void;
  onNearEnd: () => void;
}

export const Grid = memo(function Grid(props: Props) {
  const { items, selected, onNearEnd } = props;
  const { t } = useTranslation("gallery");
  const { ref, width, top } = usePlace<HTMLDivElement>("pictures");
  const [active, setActive] = useState(0);
  const wantsFocus = useRef(false);
  /** The pictures from which the one that has the focus is about to go. */
  const losing = useRef<readonly GalleryItem[] | null>(null);

  const laidOut = useRef<Layout | null>(null);
  const { rows, ratios } = useMemo(() => {
    laidOut.current = layOut(items, { width, target: targetHeight(width), gap: GAP }, laidOut.current);
    return laidOut.current;
  }, [items, width]);
  const texts: CellTexts = useMemo(
    () => ({
      open: (prompt) => t("cell.open", { prompt: prompt.slice(0, 120) }),
      select: t("cell.select"),
      favorite: t("cell.favorite"),
    }),
    [t],
  );

  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: (index) => (rows[index]?.height ?? 0) + GAP,
    // Keys that change with the rows make the virtualizer lay them out anew.
    getItemKey: useCallback((index: number) => rows[index]?.start ?? index, [rows]),
    overscan: OVERSCAN,
    scrollMargin: top,
  });
  const shown = virtualizer.getVirtualItems();
  const first = rows[shown[0]?.index ?? 0]?.start ?? 0;
  const lastRow = shown.at(-1)?.index ?? 0;
  const end = rows[lastRow]?.end ?? 0;

  const isNearEnd = rows.length > 0 && lastRow >= rows.length - AHEAD;
  useEffect(() => {
    if (isNearEnd) onNearEnd();
  }, [isNearEnd, onNearEnd]);

  useEffect(() => {
    if (losing.current && losing.current !== items) {
      losing.current = null;
      wantsFocus.current = true;
    }
    if (active >= items.length && items.length > 0) return setActive(items.length - 1);
    if (!wantsFocus.current) return;
    const target = ref.current?.querySelector<HTMLElement>(`[data-act="open"][data-index="${active}"]`);
    if (!target) return;
    wantsFocus.current = false;
    target.focus({ preventScroll: true });
  });

  const at = (index: number, act: (item: GalleryItem) => void) => {
    const item = items[index];
    if (item) act(item);
  };

  const onKeyDown = gridKeys({
    rows,
    ratios,
    active,
    goTo: (index) => {
      wantsFocus.current = true;
      setActive(index);
      virtualizer.scrollToIndex(rowOf(rows, index), { align: "auto" });
    },
    select: (index, range) => at(index, (item) => props.onSelect(item, range)),
    selectAll: props.onSelectAll,
    clear: props.onClear,
    remove: () => {
      losing.current = items;
      at(active, props.onRemove);
    },
    favorite: () => at(active, props.onFavorite),
  });

  const onClick = (event: MouseEvent) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-act]") : null;
    if (!button) return;
    const index = Number(button.dataset.index);
    setActive(index);
    const choosing = event.shiftKey || event.ctrlKey || event.metaKey || selected.size > 0;
    if (button.dataset.act === "favorite") return at(index, props.onFavorite);
    if (button.dataset.act === "select" || choosing) {
      return at(index, (item) => props.onSelect(item, event.shiftKey));
    }
    at(index, props.onOpen);
  };

  // Something of the grid must be reachable with Tab, also when the active picture is out of sight.
  const tabStop = active >= first && active < end ? active : first;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtualised without losing its layout
    <div
      ref={ref}
      role="grid"
      aria-label={t("grid")}
      aria-multiselectable
      aria-rowcount={rows.length}
      tabIndex={-1}
      className={classes.grid}
      data-selecting={selected.size > 0 || undefined}
      style={{ height: virtualizer.getTotalSize() }}
      onClick={onClick}
      onKeyDown={onKeyDown}
    >
      {shown.map(({ index, start, key }) => {
        const row = rows[index];
        return (
          row && (
            <Row
              key={key}
              row={row}
              index={index}
              y={start - top}
              items={items}
              ratios={ratios}
              selected={selected}
              tabStop={tabStop}
              texts={texts}
            />
          )
        );
      })}
    </div>
  );
});

interface RowProps {
  row: GridRow;
  index: number;
  y: number;
  items: readonly GalleryItem[];
  ratios: readonly number[];
  selected: ReadonlySet<string>;
  tabStop: number;
  texts: CellTexts;
}

const Row = memo(function Row({ row, index, y, items, ratios, selected, tabStop, texts }: RowProps) {
  const { start, end, height } = row;
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the focus goes to the pictures in it
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtualised without losing its layout
    <div
      role="row"
      aria-rowindex={index + 1}
      className={classes.row}
      style={{ transform: `translateY(${y}px)`, height }}
    >
      {items.slice(start, end).map((item, offset) => (
        <Cell
          key={item.filename}
          item={item}
          index={start + offset}
          width={(ratios[start + offset] ?? 1) * height}
          height={height}
          selected={selected.has(item.filename)}
          tabStop={start + offset === tabStop}
          texts={texts}
        />
      ))}
    </div>
  );
});
