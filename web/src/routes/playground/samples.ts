/** The request as code, to be run from elsewhere against the public address. */
import type { Fields } from "./form";

export type Language = "curl" | "python" | "typescript";
export const LANGUAGES: readonly Language[] = ["curl", "python", "typescript"];

export interface Sample {
  /** The base address for clients, ending in `/v1`. */
  address: string;
  fields: Fields;
  /** The names of the pictures' files. */
  pictures: readonly string[];
  mask: boolean;
}

const KEY = "YOUR_KEY";
const MASK = "mask.png";

/** What OpenAI's own library knows; all else goes in as an extra. */
const KNOWN = new Set(["model", "prompt", "n", "size", "quality"]);

const shell = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
/** A string in JSON is one in Python and TypeScript too. */
const literal = (value: string | number) => JSON.stringify(value);

export function sampleOf(language: Language, sample: Sample): string {
  switch (language) {
    case "curl":
      return curl(sample);
    case "python":
      return python(sample);
    case "typescript":
      return typescript(sample);
  }
}

function curl({ address, fields, pictures, mask }: Sample): string {
  const isEdit = pictures.length > 0;
  const parts = [
    `curl ${shell(`${address}/images/${isEdit ? "edits" : "generations"}`)}`,
    `-H 'Authorization: Bearer ${KEY}'`,
  ];
  if (isEdit) {
    for (const name of pictures) parts.push(`-F ${shell(`image[]=@${name}`)}`);
    if (mask) parts.push(`-F 'mask=@${MASK}'`);
    // --form-string: a prompt that begins with @ or < must not be taken for a file.
    for (const [name, value] of Object.entries(fields))
      parts.push(`--form-string ${shell(`${name}=${value}`)}`);
  } else {
    parts.push("-H 'Content-Type: application/json'", `-d ${shell(JSON.stringify(fields, null, 2))}`);
  }
  return parts.join(" \\\n  ");
}

function python({ address, fields, pictures, mask }: Sample): string {
  const isEdit = pictures.length > 0;
  const entries = Object.entries(fields);
  const extras = entries.filter(([name]) => !KNOWN.has(name));
  const lines = [
    ...(isEdit ? [`    image=[${pictures.map((name) => `open(${literal(name)}, "rb")`).join(", ")}],`] : []),
    ...(mask ? [`    mask=open("${MASK}", "rb"),`] : []),
    ...entries.filter(([name]) => KNOWN.has(name)).map(([name, value]) => `    ${name}=${literal(value)},`),
    ...(extras.length > 0
      ? [`    extra_body={${extras.map(([name, value]) => `"${name}": ${literal(value)}`).join(", ")}},`]
      : []),
  ];
  return `from openai import OpenAI

client = OpenAI(base_url=${literal(address)}, api_key="${KEY}")

result = client.images.${isEdit ? "edit" : "generate"}(
${lines.join("\n")}
)
for picture in result.data:
    print(picture.url or len(picture.b64_json))
`;
}

function typescript({ address, fields, pictures, mask }: Sample): string {
  const isEdit = pictures.length > 0;
  const url = `${address}/images/${isEdit ? "edits" : "generations"}`;
  const head = isEdit
    ? `import { openAsBlob } from "node:fs";

const form = new FormData();
${pictures.map((name) => `form.append("image[]", await openAsBlob(${literal(name)}), ${literal(name)});`).join("\n")}
${mask ? `form.append("mask", await openAsBlob("${MASK}"), "${MASK}");\n` : ""}${Object.entries(fields)
  .map(([name, value]) => `form.append("${name}", ${literal(String(value))});`)
  .join("\n")}

`
    : "";
  const body = isEdit
    ? `  headers: { authorization: "Bearer ${KEY}" },
  body: form,`
    : `  headers: { authorization: "Bearer ${KEY}", "content-type": "application/json" },
  body: JSON.stringify({
${Object.entries(fields)
  .map(([name, value]) => `    ${name}: ${literal(value)},`)
  .join("\n")}
  }),`;
  return `${head}const response = await fetch(${literal(url)}, {
  method: "POST",
${body}
});
const { data, error } = await response.json();
if (error) throw new Error(error.message);
console.log(data);
`;
}
