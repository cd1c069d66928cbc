import { describe, expect, it } from "vitest";
import { eventParser, readEvents, type StreamEvent } from "./eventStream";

function parse(pieces: string[]) {
  const events: StreamEvent[] = [];
  const comments: string[] = [];
  const parser = eventParser({
    onEvent: (event) => events.push(event),
    onComment: (text) => comments.push(text),
  });
  for (const piece of pieces) parser.push(piece);
  parser.end();
  return { events, comments };
}

describe("the stream of a drawing", () => {
  const text =
    ': keep-alive\nevent: image_generation.completed\ndata: {"a":1}\n\n: warning: fewer\ndata: [DONE]\n\n';

  it("gives events and comments", () => {
    expect(parse([text])).toEqual({
      events: [
        { name: "image_generation.completed", data: '{"a":1}' },
        { name: "message", data: "[DONE]" },
      ],
      comments: ["keep-alive", "warning: fewer"],
    });
  });

  it("may arrive in any pieces, with either line end", () => {
    const windows = text.replaceAll("\n", "\r\n");
    expect(parse([...windows])).toEqual(parse([text]));
    for (let cut = 1; cut < text.length; cut += 1) {
      expect(parse([text.slice(0, cut), text.slice(cut)])).toEqual(parse([text]));
    }
  });

  it("joins lines of data, and drops an event that was cut off", () => {
    expect(parse(["data: a\ndata:b\nid: 3\n\ndata: lost\n"]).events).toEqual([
      { name: "message", data: "a\nb" },
    ]);
    expect(parse(["event: empty\n\n"]).events).toEqual([]);
  });

  it("keeps characters that are split between pieces", async () => {
    const bytes = new TextEncoder().encode("data: 水彩\n\n");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const events: StreamEvent[] = [];
    await readEvents(body, { onEvent: (event) => events.push(event) });
    expect(events).toEqual([{ name: "message", data: "水彩" }]);
  });
});
