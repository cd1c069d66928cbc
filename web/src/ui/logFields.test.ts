import { expect, it } from "vitest";
import { fieldsInLine } from "./logFields";

it("says what was asked and answered before the rest, and nothing that is empty", () => {
  const fields = { duration_ms: "3", method: "GET", param: "", path: "/v1/models", status: "200" };
  expect(fieldsInLine(fields)).toBe("GET /v1/models 200 duration_ms=3");
  expect(fieldsInLine({})).toBe("");
});
