/** Reads server-sent events out of the body of an answer: `EventSource` cannot send a body itself. */

export interface StreamEvent {
  /** `message` if it has no name. */
  name: string;
  data: string;
}

interface Listener {
  onEvent: (event: StreamEvent) => void;
  /** Lines that are not events: the gateway sends warnings in them. */
  onComment?: (text: string) => void;
}

/** Takes text in pieces of any size, and tells of events as they are whole. */
export function eventParser({ onEvent, onComment }: Listener) {
  let rest = "";
  let name = "";
  let data: string[] = [];

  const line = (text: string) => {
    if (text === "") {
      if (data.length > 0) onEvent({ name: name || "message", data: data.join("\n") });
      name = "";
      data = [];
      return;
    }
    if (text.startsWith(":")) {
      onComment?.(text.slice(1).trim());
      return;
    }
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "event") name = value;
    if (field === "data") data.push(value);
  };

  return {
    push(piece: string) {
      // Pictures are lines of megabytes in many pieces: only what is new is searched for line ends.
      let from = 0;
      for (let end = piece.indexOf("\n", from); end >= 0; end = piece.indexOf("\n", from)) {
        const whole = rest + piece.slice(from, end);
        rest = "";
        line(whole.endsWith("\r") ? whole.slice(0, -1) : whole);
        from = end + 1;
      }
      rest += piece.slice(from);
    },
    /** The stream ended: what was not closed by an empty line is not an event. */
    end() {
      rest = "";
    },
  };
}

/** Reads a whole stream; the promise ends with it. */
export async function readEvents(body: ReadableStream<Uint8Array>, listener: Listener): Promise<void> {
  const parser = eventParser(listener);
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parser.push(decoder.decode(value, { stream: true }));
  }
  parser.end();
}
