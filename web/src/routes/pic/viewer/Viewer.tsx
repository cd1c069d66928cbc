import "yet-another-react-lightbox/styles.css";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import Lightbox, { createModule, MODULE_CONTROLLER, type PluginProps } from "yet-another-react-lightbox";
import Zoom from "yet-another-react-lightbox/plugins/zoom";
import type { GalleryItem } from "@/api/types";
import { ViewerContext } from "./context";
import { DetailsLayout } from "./DetailsLayout";

interface Props {
  items: readonly GalleryItem[];
  index: number;
  total: number;
  onView: (item: GalleryItem) => void;
  onClose: () => void;
  onRemove: (item: GalleryItem) => void;
  onFavorite: (item: GalleryItem) => void;
  onNearEnd: () => void;
}

/** How many pictures before the last one more are asked for. */
const AHEAD = 10;

/** Puts what is known about a picture beside it. */
function withDetails({ addParent }: PluginProps) {
  addParent(MODULE_CONTROLLER, createModule("details", DetailsLayout));
}

/** One picture over everything, with the next ones a swipe away. */
export default function Viewer({
  items,
  index,
  total,
  onView,
  onClose,
  onRemove,
  onFavorite,
  onNearEnd,
}: Props) {
  const { t } = useTranslation(["gallery", "common"]);
  const slides = useMemo(
    () =>
      items.map(({ url, width, height, metadata }) => ({ src: url, width, height, alt: metadata.prompt })),
    [items],
  );
  const item = items[index];

  const remove = () => {
    if (!item) return;
    const next = items[index + 1] ?? items[index - 1];
    if (next) onView(next);
    else onClose();
    onRemove(item);
  };

  return (
    <ViewerContext
      value={{
        item,
        position: index + 1,
        total,
        remove,
        toggleFavorite: () => item && onFavorite(item),
      }}
    >
      <Lightbox
        open
        index={index}
        slides={slides}
        close={onClose}
        plugins={[Zoom, withDetails]}
        carousel={{ finite: true, preload: 1, padding: 16 }}
        animation={{ fade: 150, swipe: 200 }}
        controller={{ closeOnPullDown: true }}
        zoom={{ maxZoomPixelRatio: 3 }}
        styles={{
          // Below the panel's messages, which must be seen over it.
          root: { "--yarl__portal_zindex": 250, "--yarl__color_backdrop": "rgb(10 11 14 / 96%)" },
        }}
        on={{
          view: ({ index: viewed }) => {
            const now = items[viewed];
            if (now && viewed !== index) onView(now);
            if (viewed >= items.length - AHEAD) onNearEnd();
          },
        }}
        labels={{
          Previous: t("viewer.previous"),
          Next: t("viewer.next"),
          Close: t("common:action.close"),
          Lightbox: t("viewer.label"),
          "Photo gallery": t("viewer.label"),
          Carousel: t("viewer.label"),
          Slide: t("viewer.slide"),
          "{index} of {total}": t("viewer.of"),
          "Zoom in": t("viewer.zoomIn"),
          "Zoom out": t("viewer.zoomOut"),
        }}
      />
    </ViewerContext>
  );
}
