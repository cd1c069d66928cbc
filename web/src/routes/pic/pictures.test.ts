import { describe, expect, it } from "vitest";
import type { GalleryItem } from "@/api/types";
import { join, type Pages, pick, withFavorite, withoutPictures, withPictures } from "./pictures";

const item = (filename: string, timestamp: number) =>
  ({ filename, favorite: false, metadata: { timestamp } }) as GalleryItem;
const data: Pages = {
  pageParams: [null, "2"],
  pages: [
    { items: [item("e", 50), item("d", 40)], nextCursor: "2", total: 9 },
    { items: [item("c", 30), item("b", 20)], nextCursor: "4", total: 9 },
  ],
};
const names = ({ pages }: Pages) => pages.map(({ items }) => items.map(({ filename }) => filename).join(""));

describe("the gallery's list", () => {
  it("loses deleted pictures and gets them back in their places", () => {
    const gone = new Set(["e", "c", "x"]);
    const rest = withoutPictures(data, gone);
    expect(names(rest)).toEqual(["d", "b"]);
    expect(rest.pages[0]?.total).toBe(7);
    const again = withPictures(rest, pick(data, gone));
    expect(names(again).join("")).toBe("edcb");
    expect(again.pages[0]?.total).toBe(9);
  });

  it("puts the oldest loaded picture back at the end", () => {
    const gone = new Set(["b"]);
    expect(names(withPictures(withoutPictures(data, gone), pick(data, gone)))).toEqual(["ed", "cb"]);
  });

  it("is one list of all its pages", () => {
    const [first, second] = data.pages;
    if (!first || !second) throw new Error("no pages");
    const one = join([first], { pages: [], items: [] });
    const two = join([first, second], one);
    expect(two.items.map(({ filename }) => filename).join("")).toBe("edcb");
    expect(
      join([second], two)
        .items.map(({ filename }) => filename)
        .join(""),
    ).toBe("cb");
  });

  it("keeps pages that did not change", () => {
    expect(withoutPictures(data, new Set(["x"]))).toBe(data);
    const marked = withFavorite(data, new Set(["b"]), true);
    expect(marked.pages[0]).toBe(data.pages[0]);
    expect(marked.pages[1]?.items[1]?.favorite).toBe(true);
  });
});
