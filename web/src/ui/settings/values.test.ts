import { describe, expect, it } from "vitest";
import type { Setting } from "@/api/types";
import { entries, flawOf, toPatch, withChange, without } from "./values";

const setting = (path: string, more: Partial<Setting> = {}): Setting => ({
  path,
  env: "X",
  kind: "text",
  unit: null,
  min: null,
  max: null,
  choices: [],
  default: null,
  value: "",
  source: "default",
  secret: false,
  isSet: false,
  boundTo: null,
  doc: "",
  ...more,
});

const port = setting("system.port", { kind: "int", min: 1, max: 65_535, default: "10001", value: "10001" });
const relay = setting("system.modes.relay", { kind: "bool", value: "true", source: "runtime" });
const hosts = setting("security.allowPrivate", { kind: "hosts" });
const key = setting("imageBed.authCode", { kind: "secret", secret: true, isSet: true, value: "********" });

describe("a draft", () => {
  it("becomes one merge patch of typed values", () => {
    const draft = {
      "system.port": "8080",
      "system.modes.relay": "false",
      "security.allowPrivate": "10.0.0.1:80， db:5432",
      "imageBed.authCode": null,
    };
    expect(toPatch([port, relay, hosts, key], draft)).toEqual({
      system: { port: 8080, modes: { relay: false } },
      security: { allowPrivate: ["10.0.0.1:80", "db:5432"] },
      imageBed: { authCode: null },
    });
  });

  it("forgets a change that leads back to what is saved", () => {
    const changed = withChange({}, relay, "false");
    expect(changed).toEqual({ "system.modes.relay": "false" });
    expect(withChange(changed, relay, "true")).toEqual({});
    expect(withChange({}, port, null)).toEqual({});
  });

  it("keeps what was changed again while it was saved", () => {
    expect(without({ a: "2", b: "1", c: null }, { a: "1", b: "1" })).toEqual({ a: "2", c: null });
  });

  it("keeps the reset of a value that was set", () => {
    expect(withChange({}, relay, null)).toEqual({ "system.modes.relay": null });
    expect(withChange({}, key, null)).toEqual({ "imageBed.authCode": null });
  });
});

describe("flaws", () => {
  it("are seen before the server is asked", () => {
    expect(flawOf(port, "0")).toBe("tooSmall");
    expect(flawOf(port, "70000")).toBe("tooLarge");
    expect(flawOf(port, "1.5")).toBe("wholeNumber");
    expect(flawOf(port, "x")).toBe("number");
    expect(flawOf(port, "")).toBeNull();
    expect(flawOf(setting("a", { kind: "url" }), "ftp://host")).toBe("url");
    expect(flawOf(setting("a", { kind: "url" }), "https://host/v1")).toBeNull();
  });
});

it("reads lists with either comma", () => {
  expect(entries("a, b，c\n d ,,")).toEqual(["a", "b", "c", "d"]);
});
