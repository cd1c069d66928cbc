import { describe, expect, it } from "vitest";
import document from "@/api/openapi.json";
import { curl, groups, matching, type OpenApi, type Schema, sketch } from "./document";

const api = document as unknown as OpenApi;

describe("the gateway's own document", () => {
  const all = groups(api);

  it("is shown whole, the public API first", () => {
    const shown = all.flatMap(({ operations }) => operations.map(({ method, path }) => `${method} ${path}`));
    const told = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(shown.toSorted()).toEqual(told.toSorted());
    expect(all[0]?.name).toBe("drawing");
  });

  it("is found by words of its operations", () => {
    const found = matching(all, "gallery/zip").flatMap(({ operations }) =>
      operations.map(({ path }) => path),
    );
    expect(found).toEqual(["/api/gallery/zip", "/api/gallery/zip/{ticket}"]);
    expect(matching(all, "  ")).toBe(all);
  });

  it("gives a sketch of every body and a command for every operation", () => {
    for (const operation of all.flatMap(({ operations }) => operations)) {
      for (const body of [...operation.bodies, ...operation.answers.flatMap(({ bodies }) => bodies)]) {
        expect(JSON.stringify(sketch(api, body.schema))).toBeTruthy();
      }
      expect(curl(operation, "http://localhost", api)).toContain(operation.path);
    }
  });
});

describe("a sketch", () => {
  const schemas = {
    Tree: {
      type: "object",
      properties: { leaf: { type: "string" }, twigs: { items: { $ref: "#/components/schemas/Tree" } } },
    },
  };
  const own: OpenApi = { info: { title: "", version: "" }, paths: {}, components: { schemas } };

  it("ends where a schema leads to itself", () => {
    expect(JSON.stringify(sketch(own, { $ref: "#/components/schemas/Tree" }))).toContain("…");
  });

  it("joins parts, takes the first real choice and names the words of a list", () => {
    const whole: Schema = {
      allOf: [
        { properties: { a: { enum: ["x", "y"] } } },
        { properties: { b: { type: ["integer", "null"] } } },
      ],
    };
    expect(sketch(own, whole)).toEqual({ a: "x | y", b: "integer | null" });
    expect(sketch(own, { oneOf: [{ type: "null" }, { type: "number" }] })).toBe("number");
  });
});
