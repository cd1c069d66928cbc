/** What is said first, and without its name. */
const PLAIN = ["method", "path", "status"];

/** The fields of a log entry in one line: `GET /v1/models 200 duration_ms=3`. */
export function fieldsInLine(fields: Record<string, string>): string {
  const plain = PLAIN.flatMap((name) => fields[name] || []);
  const named = Object.entries(fields)
    .filter(([name, value]) => value !== "" && !PLAIN.includes(name))
    .map(([name, value]) => `${name}=${value}`);
  return [...plain, ...named].join(" ");
}
