import { expect, it } from "vitest";
import { nameOfAgent } from "./userAgent";

it("names browsers and leaves the rest as it is", () => {
  const chrome =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
  const safari =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Version/19.1 Mobile/15E148 Safari/604.1";
  expect(nameOfAgent(chrome)).toBe("Chrome 142 · Linux");
  expect(nameOfAgent(`${chrome} Edg/142.0`)).toBe("Edge 142 · Linux");
  expect(nameOfAgent(safari)).toBe("Safari 19 · iOS");
  expect(nameOfAgent("curl/8.5.0")).toBe("curl/8.5.0");
});
