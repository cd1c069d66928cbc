import { describe, expect, it } from "vitest";
import { sampleOf } from "./samples";

const address = "https://img.example.com/v1";
const drawing = {
  address,
  fields: { model: "auto", prompt: `it's a "fox"\n狐`, n: 1, seed: 7 },
  pictures: [],
  mask: false,
};
const editing = { ...drawing, pictures: ["a b.png", "b.png"], mask: true };

describe("the request as code", () => {
  it("quotes for the shell", () => {
    expect(sampleOf("curl", drawing)).toBe(
      [
        `curl 'https://img.example.com/v1/images/generations' \\`,
        "  -H 'Authorization: Bearer YOUR_KEY' \\",
        "  -H 'Content-Type: application/json' \\",
        "  -d '{",
        '  "model": "auto",',
        `  "prompt": "it'\\''s a \\"fox\\"\\n狐",`,
        '  "n": 1,',
        '  "seed": 7',
        "}'",
      ].join("\n"),
    );
  });

  it("sends pictures as files", () => {
    const text = sampleOf("curl", editing);
    expect(text).toContain("/v1/images/edits'");
    expect(text).toContain("-F 'image[]=@a b.png'");
    expect(text).toContain("-F 'mask=@mask.png'");
    expect(text).toContain("--form-string 'seed=7'");
  });

  it("uses OpenAI's library in Python, with extensions as extras", () => {
    const text = sampleOf("python", editing);
    expect(text).toContain('base_url="https://img.example.com/v1"');
    expect(text).toContain("client.images.edit(");
    expect(text).toContain('image=[open("a b.png", "rb"), open("b.png", "rb")],');
    expect(text).toContain('extra_body={"seed": 7},');
    expect(text).toContain(String.raw`prompt="it's a \"fox\"\n狐",`);
    expect(sampleOf("python", drawing)).toContain("client.images.generate(");
  });

  it("needs nothing but fetch in TypeScript", () => {
    expect(sampleOf("typescript", drawing)).toContain("    seed: 7,\n");
    const text = sampleOf("typescript", editing);
    expect(text).toContain('form.append("image[]", await openAsBlob("a b.png"), "a b.png");');
    expect(text).toContain('form.append("seed", "7");');
  });

  it("never holds a key", () => {
    for (const language of ["curl", "python", "typescript"] as const) {
      expect(sampleOf(language, drawing)).toContain("YOUR_KEY");
    }
  });
});
