/** What is read of an OpenAPI 3.1 document: just what the page shows. */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  default?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  minimum?: number;
  maximum?: number;
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

type Content = Record<string, { schema?: Schema }>;

interface RawOperation {
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { content?: Content };
  responses?: Record<string, { description?: string; content?: Content }>;
}

export interface OpenApi {
  info: { title: string; version: string; description?: string };
  paths: Record<string, Record<string, RawOperation>>;
  components?: { schemas?: Record<string, Schema> };
}

export interface Body {
  mediaType: string;
  schema: Schema | undefined;
}

export interface Operation {
  method: string;
  path: string;
  summary: string;
  description: string;
  parameters: Parameter[];
  bodies: Body[];
  answers: { status: string; bodies: Body[] }[];
}

export interface Group {
  name: string;
  operations: Operation[];
}

const METHODS = ["get", "post", "put", "patch", "delete"];

function bodies(content: Content | undefined): Body[] {
  return Object.entries(content ?? {}).map(([mediaType, { schema }]) => ({ mediaType, schema }));
}

/** All operations by their first tag, the public ones first, in the document's order. */
export function groups(api: OpenApi): Group[] {
  const found = new Map<string, Operation[]>();
  const paths = Object.entries(api.paths).sort(
    ([a], [b]) => Number(b.startsWith("/v1")) - Number(a.startsWith("/v1")),
  );
  for (const [path, methods] of paths) {
    for (const method of METHODS) {
      const raw = methods[method];
      if (!raw) continue;
      const tag = raw.tags?.[0] ?? "other";
      const operation = {
        method: method.toUpperCase(),
        path,
        summary: raw.summary ?? "",
        description: raw.description ?? "",
        parameters: raw.parameters ?? [],
        bodies: bodies(raw.requestBody?.content),
        answers: Object.entries(raw.responses ?? {}).map(([status, answer]) => ({
          status,
          bodies: bodies(answer.content),
        })),
      };
      found.set(tag, [...(found.get(tag) ?? []), operation]);
    }
  }
  return [...found].map(([name, operations]) => ({ name, operations }));
}

/** Those whose path, method or words hold the text. */
export function matching(all: Group[], text: string): Group[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return all;
  const holds = ({ method, path, summary }: Operation) =>
    `${method} ${path} ${summary}`.toLowerCase().includes(wanted);
  return all
    .map(({ name, operations }) => ({ name, operations: operations.filter(holds) }))
    .filter(({ operations }) => operations.length > 0);
}

function named(api: OpenApi, schema: Schema): Schema {
  const name = schema.$ref?.split("/").pop();
  return (name && api.components?.schemas?.[name]) || schema;
}

/** Deepest nesting that a sketch shows; schemas may lead to themselves. */
const DEEPEST = 5;

/** A value in the shape of a schema: names of types and descriptions in the places of values. */
export function sketch(api: OpenApi, schema: Schema | undefined, depth = 0): unknown {
  if (!schema || depth > DEEPEST) return "…";
  const real = named(api, schema);
  if (real.allOf) return Object.assign({}, ...real.allOf.map((part) => sketch(api, part, depth)));
  const choices = real.oneOf ?? real.anyOf;
  if (choices) return sketch(api, choices.find((choice) => choice.type !== "null") ?? choices[0], depth);
  if (real.properties) {
    return Object.fromEntries(
      Object.entries(real.properties).map(([name, member]) => [name, sketch(api, member, depth + 1)]),
    );
  }
  if (real.items) return [sketch(api, real.items, depth + 1)];
  if (typeof real.additionalProperties === "object")
    return { "…": sketch(api, real.additionalProperties, depth + 1) };
  if (real.enum) return real.enum.join(" | ");
  return [real.type ?? "any"].flat().join(" | ");
}

/** The call as a command. */
export function curl(operation: Operation, origin: string, api: OpenApi): string {
  const key = operation.path.startsWith("/v1") ? "$ACCESS_KEY" : "$ADMIN_KEY";
  const lines = [
    `curl -X ${operation.method} '${origin}${operation.path}'`,
    `  -H "Authorization: Bearer ${key}"`,
  ];
  const json = operation.bodies.find(({ mediaType }) => mediaType === "application/json");
  if (json) {
    lines.push("  -H 'Content-Type: application/json'");
    lines.push(`  -d '${JSON.stringify(sketch(api, json.schema))}'`);
  }
  return lines.join(" \\\n");
}
