import { IconCheck, IconHeart } from "@tabler/icons-react";
import { memo, useCallback } from "react";
import type { GalleryItem } from "@/api/types";
import classes from "./Gallery.module.css";

export interface CellTexts {
  open: (prompt: string) => string;
  select: string;
  favorite: string;
}

interface Props {
  item: GalleryItem;
  index: number;
  width: number;
  height: number;
  selected: boolean;
  /** The one picture of the grid that the Tab key stops at. */
  tabStop: boolean;
  texts: CellTexts;
}

/** The smallest thumbnail that is sharp on this screen. */
function thumb(url: string, width: number, height: number): string {
  const needed = Math.max(width, height) * window.devicePixelRatio;
  return `${url}?thumb=${needed > 300 ? 512 : 256}`;
}

/** So long is a picture to stay before it is asked for: what only flies past need not be. */
const LINGER_MS = 50;

/** The picture itself. One that goes away is given up: the browser would fetch it to the end, before others. */
function Thumb({ src }: { src: string }) {
  const load = useCallback(
    (image: HTMLImageElement) => {
      const timer = window.setTimeout(() => {
        image.src = src;
      }, LINGER_MS);
      return () => {
        window.clearTimeout(timer);
        image.removeAttribute("src");
      };
    },
    [src],
  );
  return <img ref={load} alt="" decoding="async" draggable={false} />;
}

/**
 * One picture. Hundreds pass by in a second of scrolling, so it is plain elements and nothing else; clicks
 * are handled by the grid, by `data-act` and `data-index`.
 */
export const Cell = memo(function Cell({ item, index, width, height, selected, tabStop, texts }: Props) {
  const { prompt } = item.metadata;
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the focus goes to the picture's button in it
    // biome-ignore lint/a11y/useSemanticElements: a table cannot be virtualised without losing its layout
    <div
      role="gridcell"
      aria-selected={selected}
      className={classes.cell}
      style={{ width, height }}
      data-favorite={item.favorite || undefined}
    >
      <button
        type="button"
        className={classes.open}
        data-act="open"
        data-index={index}
        tabIndex={tabStop ? 0 : -1}
        aria-label={texts.open(prompt)}
        title={prompt}
      >
        <Thumb src={thumb(item.url, width, height)} />
      </button>
      <button
        type="button"
        className={classes.check}
        data-act="select"
        data-index={index}
        tabIndex={-1}
        aria-pressed={selected}
        aria-label={texts.select}
      >
        <IconCheck size={16} stroke={3} aria-hidden />
      </button>
      <button
        type="button"
        className={classes.heart}
        data-act="favorite"
        data-index={index}
        tabIndex={-1}
        aria-pressed={item.favorite}
        aria-label={texts.favorite}
      >
        <IconHeart size={18} fill={item.favorite ? "currentColor" : "none"} aria-hidden />
      </button>
    </div>
  );
});
