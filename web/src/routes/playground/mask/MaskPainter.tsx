import { Button, Group, Modal, SegmentedControl, Slider, Text } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconArrowBackUp, IconEraser, IconPencil, IconTrash } from "@tabler/icons-react";
import { type PointerEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ToolButton } from "@/ui/ToolButton";
import type { InputPicture } from "../inputs";
import { brushInPicture, fitInto, paintsAnything, type Stroke, toPicture, withPoint } from "./geometry";
import classes from "./Mask.module.css";
import { exportMask, show } from "./paint";

interface Props {
  picture: InputPicture;
  /** The mask; null when nothing is painted. */
  onDone: (mask: Blob | null) => void;
  onClose: () => void;
}

const PAINT = "#4b53dd";
const SMALLEST = 4;
const LARGEST = 160;

/** Paints over what is to be drawn anew. */
export default function MaskPainter({ picture, onDone, onClose }: Props) {
  const { t } = useTranslation(["playground", "common"]);
  const canvas = useRef<HTMLCanvasElement>(null);
  const cursor = useRef<HTMLDivElement>(null);
  const [strokes, setStrokes] = useState<readonly Stroke[]>([]);
  const [drawing, setDrawing] = useState<Stroke | null>(null);
  const [brush, setBrush] = useState(40);
  const [erases, setErases] = useState(false);
  const [shown] = useState(() =>
    fitInto(picture, { width: Math.min(window.innerWidth - 64, 1040), height: window.innerHeight - 290 }),
  );
  const all = drawing ? [...strokes, drawing] : strokes;

  useEffect(() => {
    if (canvas.current) show(canvas.current, all, picture, PAINT);
  });

  const undo = () => setStrokes((before) => before.slice(0, -1));
  const resize = (by: number) =>
    setBrush((before) => Math.min(LARGEST, Math.max(SMALLEST, Math.round(before * by))));
  useHotkeys([
    ["mod+Z", undo],
    ["[", () => resize(0.8)],
    ["]", () => resize(1.25)],
    ["E", () => setErases((before) => !before)],
  ]);

  const pointOf = (event: PointerEvent) =>
    toPicture({ x: event.clientX, y: event.clientY }, event.currentTarget.getBoundingClientRect(), picture);
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    setDrawing({ points: [pointOf(event)], size: brushInPicture(brush, shown, picture), erases });
  };
  const onPointerMove = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    if (cursor.current) {
      cursor.current.style.transform = `translate(${event.clientX - box.left}px, ${event.clientY - box.top}px)`;
    }
    if (!drawing) return;
    const point = pointOf(event);
    setDrawing((stroke) => stroke && withPoint(stroke, point));
  };
  const onPointerUp = () => {
    setStrokes(all);
    setDrawing(null);
  };

  return (
    <Modal
      opened
      onClose={onClose}
      size="auto"
      title={t("mask.title")}
      closeButtonProps={{ "aria-label": t("common:action.close") }}
    >
      <Text size="sm" c="dimmed" mb="sm" maw={shown.width}>
        {t("mask.hint")}
      </Text>
      <div className={classes.stage} style={shown}>
        <img src={picture.url} alt={picture.name} width={shown.width} height={shown.height} />
        <canvas
          ref={canvas}
          width={shown.width}
          height={shown.height}
          className={classes.canvas}
          role="img"
          aria-label={t("mask.canvas")}
          onPointerDown={onPointerDown}
          onPointerMove={onPointerMove}
          onPointerUp={onPointerUp}
          onPointerCancel={onPointerUp}
        />
        <div
          ref={cursor}
          className={classes.cursor}
          style={{ width: brush, height: brush, margin: -brush / 2 }}
          data-erases={erases || undefined}
        />
      </div>
      <Group mt="md" gap="md">
        <SegmentedControl
          aria-label={t("mask.tool")}
          value={erases ? "erase" : "paint"}
          onChange={(tool) => setErases(tool === "erase")}
          data={[
            {
              value: "paint",
              label: <Tool icon={<IconPencil size={16} aria-hidden />}>{t("mask.brush")}</Tool>,
            },
            {
              value: "erase",
              label: <Tool icon={<IconEraser size={16} aria-hidden />}>{t("mask.eraser")}</Tool>,
            },
          ]}
        />
        <Slider
          className={classes.size ?? ""}
          thumbLabel={t("mask.size")}
          label={(value) => `${value} px`}
          min={SMALLEST}
          max={LARGEST}
          value={brush}
          onChange={setBrush}
        />
        <Group gap={4}>
          <ToolButton label={t("common:action.undo")} disabled={strokes.length === 0} onClick={undo}>
            <IconArrowBackUp size={18} aria-hidden />
          </ToolButton>
          <ToolButton
            label={t("common:action.clear")}
            disabled={strokes.length === 0}
            onClick={() => setStrokes([])}
          >
            <IconTrash size={18} aria-hidden />
          </ToolButton>
        </Group>
        <Button
          ml="auto"
          onClick={() => {
            if (paintsAnything(strokes)) void exportMask(strokes, picture).then(onDone);
            else onDone(null);
          }}
        >
          {t(paintsAnything(strokes) ? "mask.use" : "mask.none")}
        </Button>
      </Group>
    </Modal>
  );
}

function Tool({ icon, children }: { icon: React.ReactNode; children: React.ReactNode }) {
  return (
    <Group gap={6} wrap="nowrap" component="span">
      {icon}
      {children}
    </Group>
  );
}
