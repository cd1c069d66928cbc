import { expect, it } from "vitest";
import { distrust, withoutTags } from "./trusted";

it("lets style sheets pass, and nothing that could become an element", () => {
  const sheet = ":root{--a:1px}@media(max-width:48em){a>b{content:'\\201C'}}";
  expect(withoutTags(sheet)).toBe(sheet);
  for (const markup of ["<img src=x onerror=alert(1)>", "a<b", "</style><script>", "<"])
    expect(withoutTags(markup)).toBeNull();
});

it("makes the one policy that the page allows, where there is such a thing", () => {
  const made: string[] = [];
  distrust({ trustedTypes: { createPolicy: (name: string) => made.push(name) } } as unknown as Window);
  distrust({} as Window);
  expect(made).toEqual(["default"]);
});
