import { type Size, type Stroke, scaled } from "./geometry";

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Paints strokes over what is there; those that erase take away again. */
function paint(context: Context, strokes: readonly Stroke[], color: string) {
  context.lineCap = "round";
  context.lineJoin = "round";
  context.strokeStyle = color;
  for (const { points, size, erases } of strokes) {
    context.globalCompositeOperation = erases ? "destination-out" : "source-over";
    context.lineWidth = size;
    context.beginPath();
    const [first, ...rest] = points;
    if (!first) continue;
    context.moveTo(first.x, first.y);
    // A line of no length makes a dot.
    context.lineTo(first.x, first.y);
    for (const { x, y } of rest) context.lineTo(x, y);
    context.stroke();
  }
  context.globalCompositeOperation = "source-over";
}

/** Shows the strokes on a canvas that may be smaller than the picture. */
export function show(canvas: HTMLCanvasElement, strokes: readonly Stroke[], picture: Size, color: string) {
  const context = canvas.getContext("2d");
  if (!context) return;
  context.clearRect(0, 0, canvas.width, canvas.height);
  paint(
    context,
    strokes.map((stroke) => scaled(stroke, picture, canvas)),
    color,
  );
}

/**
 * The mask as the API wants it: a PNG of the picture's size, opaque where the picture is kept and
 * transparent where it is drawn anew. The opaque part is plain black, which keeps the file small.
 */
export async function exportMask(strokes: readonly Stroke[], { width, height }: Size): Promise<Blob> {
  const painted = new OffscreenCanvas(width, height);
  const mask = new OffscreenCanvas(width, height);
  const brush = painted.getContext("2d");
  const context = mask.getContext("2d");
  if (!brush || !context) throw new Error("no canvas");
  paint(brush, strokes, "#000");
  context.fillRect(0, 0, width, height);
  context.globalCompositeOperation = "destination-out";
  context.drawImage(painted, 0, 0);
  return mask.convertToBlob({ type: "image/png" });
}
