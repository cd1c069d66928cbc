/** Pictures without a picture library: soft gradients with a hill line, one per seed. */
import { crc32, deflateSync } from "node:zlib";
import { random } from "./random.mjs";

function chunk(type, data) {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(data.length, 0);
  head.write(type, 4, "latin1");
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(crc32(Buffer.concat([head.subarray(4), data])), 0);
  return Buffer.concat([head, data, tail]);
}

const mix = (a, b, share) => a.map((value, index) => value + (b[index] - value) * share);

export function picture(seed, width, height) {
  const next = random(seed);
  const colour = () => [next() * 255, next() * 200 + 30, next() * 255];
  const [top, bottom, hill] = [colour(), colour(), colour()];
  const [sunX, sunY, sunR] = [next() * width, next() * height * 0.5, width * (0.06 + next() * 0.08)];
  const waves = [next() * 6, next() * 6, 0.05 + next() * 0.15];
  const rows = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let pixel = mix(top, bottom, y / height);
      if (Math.hypot(x - sunX, y - sunY) < sunR) pixel = mix(pixel, [255, 245, 220], 0.85);
      for (const layer of [0, 1, 2]) {
        const line =
          0.55 +
          layer * 0.14 +
          Math.sin((x / width) * (3 + layer * 2) + waves[0] + layer * waves[1]) * waves[2];
        if (y / height > line) pixel = mix(pixel, hill, 0.35 + layer * 0.15);
      }
      const at = y * (width * 3 + 1) + 1 + x * 3;
      for (let channel = 0; channel < 3; channel += 1) rows[at + channel] = pixel[channel];
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 6 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
