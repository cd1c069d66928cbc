/** The little that the stand-in needs of a web framework. */
export class Refusal extends Error {
  constructor(status, code, message, extra = {}) {
    super(message);
    Object.assign(this, { status, code, extra });
  }
}

export function sendJson(response, body, status = 200, headers = {}) {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(body === undefined ? "" : JSON.stringify(body));
}

export function sendRefusal(response, refusal) {
  const { status, code, message, extra } = refusal;
  const headers = extra.retryAfter ? { "retry-after": String(extra.retryAfter) } : {};
  sendJson(
    response,
    { error: { message, code, ...(extra.param ? { param: extra.param } : {}) } },
    status,
    headers,
  );
}

export async function readJson(request) {
  let text = "";
  for await (const piece of request) text += piece;
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    throw new Refusal(400, "invalid_json", "The body is not JSON.");
  }
}

/** Starts a server-sent stream; the answer writes one event. */
export function startStream(request, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.write(":\n\n");
  const beat = setInterval(() => response.write(":\n\n"), 15_000);
  request.on("close", () => clearInterval(beat));
  return (data, event) =>
    response.write(`${event ? `event: ${event}\n` : ""}data: ${JSON.stringify(data)}\n\n`);
}
