import { describe, expect, it } from "vitest";
import type { GalleryItem } from "@/api/types";
import { playgroundSearch, redrawSearch } from "./search";

describe("what the playground is opened with", () => {
  it("takes what it understands", () => {
    expect(
      playgroundSearch({
        prompt: 42,
        n: "2",
        seed: 0,
        steps: -1,
        pictures: ["a.png", 3],
        size: "",
        other: 1,
      }),
    ).toEqual({ prompt: "42", n: 2, seed: 0, pictures: ["a.png"] });
  });

  it("draws a picture of the gallery again", () => {
    const item = {
      provider: "Gitee",
      metadata: {
        prompt: "a fox",
        model: "z-image-turbo",
        params: { size: "1024x768", seed: 7, negative_prompt: "text", guidance_scale: 3 },
        timestamp: 1,
      },
    } as unknown as GalleryItem;
    expect(redrawSearch(item)).toEqual({
      model: "Gitee/z-image-turbo",
      prompt: "a fox",
      size: "1024x768",
      seed: 7,
      negative: "text",
    });
  });
});
