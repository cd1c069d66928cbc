import { describe, expect, it } from "vitest";
import { decode, drawnOf } from "./run";

const base64 = btoa("picture");

describe("pictures of an answer", () => {
  it("come as base64", async () => {
    const drawn = drawnOf({ b64_json: base64, output_format: "webp", revised_prompt: "a red fox" });
    expect(drawn?.blob?.type).toBe("image/webp");
    expect(await drawn?.blob?.text()).toBe("picture");
    expect(drawn?.url).toMatch(/^blob:/);
    expect(drawn?.revisedPrompt).toBe("a red fox");
  });

  it("come as data URIs", async () => {
    const drawn = drawnOf({ url: `data:image/jpeg;base64,${base64}` });
    expect(drawn?.blob?.type).toBe("image/jpeg");
    expect(await drawn?.blob?.text()).toBe("picture");
  });

  it("come as links, also beside an empty base64", () => {
    const url = "https://platform.example.com/1.png";
    expect(drawnOf({ url, b64_json: "" })).toEqual({ url, blob: null, revisedPrompt: null });
    expect(drawnOf({})).toBeNull();
  });

  it("keep every byte", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const blob = decode(btoa(String.fromCharCode(...bytes)), "png");
    expect(new Uint8Array(await blob.arrayBuffer())).toEqual(bytes);
  });
});
