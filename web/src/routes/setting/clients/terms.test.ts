import { expect, it } from "vitest";
import type { ClientKey } from "@/api/types";
import { termsOf, valuesOf } from "./terms";

const key: ClientKey = {
  id: "ck_1",
  name: "Ana",
  hint: "****wxyz",
  status: "active",
  enabled: true,
  created: 0,
  expires: new Date(2027, 0, 2, 3, 4).getTime(),
  models: ["auto"],
  requestsPerMinute: 10,
  concurrentRequests: null,
  requests: 0,
  pictures: 0,
  lastUsed: null,
  inFlight: 0,
};

it("sends back what it was given", () => {
  const { name, models, requestsPerMinute, concurrentRequests, expires } = key;
  expect(valuesOf(key).expires).toBe("2027-01-02T03:04");
  expect(termsOf(valuesOf(key))).toEqual({ name, models, requestsPerMinute, concurrentRequests, expires });
});

it("takes empty fields for no bounds", () => {
  const empty = { name: "", models: [], requestsPerMinute: null, concurrentRequests: null, expires: null };
  expect(termsOf(valuesOf(null))).toEqual(empty);
  expect(termsOf({ ...valuesOf(null), name: " a ", requestsPerMinute: "12" })).toEqual({
    ...empty,
    name: "a",
    requestsPerMinute: 12,
  });
});
