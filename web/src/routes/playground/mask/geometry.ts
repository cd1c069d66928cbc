/** Where a brush paints: between the canvas on the screen and the picture it stands for. */

export interface Size {
  width: number;
  height: number;
}
export interface Point {
  x: number;
  y: number;
}

/** One pull of the brush, in the picture's own pixels. */
export interface Stroke {
  points: Point[];
  /** The brush's diameter. */
  size: number;
  erases: boolean;
}

/** As large as fits into the room, in its own shape, never enlarged. */
export function fitInto(picture: Size, room: Size): Size {
  const scale = Math.min(1, room.width / picture.width, room.height / picture.height);
  return {
    width: Math.max(1, Math.round(picture.width * scale)),
    height: Math.max(1, Math.round(picture.height * scale)),
  };
}

/** A point of the window as one of the picture; outside of the picture, too, where the brush may be. */
export function toPicture(client: Point, shown: Size & { left: number; top: number }, picture: Size): Point {
  return {
    x: ((client.x - shown.left) / shown.width) * picture.width,
    y: ((client.y - shown.top) / shown.height) * picture.height,
  };
}

/** A brush of a size on the screen, in the picture's pixels. */
export function brushInPicture(size: number, shown: Size, picture: Size): number {
  return size * (picture.width / shown.width);
}

/** Adds a point unless it is so near the last that the line would not change. */
export function withPoint(stroke: Stroke, point: Point): Stroke {
  const last = stroke.points.at(-1);
  if (last && Math.hypot(point.x - last.x, point.y - last.y) < stroke.size / 16) return stroke;
  return { ...stroke, points: [...stroke.points, point] };
}

/** Whether anything can be left of the painting: strokes that erase leave nothing by themselves. */
export function paintsAnything(strokes: readonly Stroke[]): boolean {
  return strokes.some(({ erases }) => !erases);
}

/** The same strokes on the canvas at another scale. */
export function scaled(stroke: Stroke, from: Size, to: Size): Stroke {
  const x = to.width / from.width;
  const y = to.height / from.height;
  return {
    ...stroke,
    size: stroke.size * x,
    points: stroke.points.map((point) => ({ x: point.x * x, y: point.y * y })),
  };
}
