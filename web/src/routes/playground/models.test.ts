import { describe, expect, it } from "vitest";
import type { Provider, ProviderTask, Task } from "@/api/types";
import { abilitiesOf, type Model, modelGroups, parseModel } from "./models";

const task = (more: Partial<ProviderTask>) =>
  ({ sizes: ["1024x1024"], maxInputs: 0, ...more }) as ProviderTask;
const provider = (name: string, tasks: Partial<Record<Task, ProviderTask>>, enabled = true) =>
  ({ name, enabled, supportsQuality: name === "B", tasks }) as Provider;
const providers = [
  provider("A", { text: task({ seed: true }), edit: task({ maxInputs: 3 }) }),
  provider("B", {
    text: task({ takesSteps: true, sizes: ["512x512", "1024x1024"] }),
    edit: task({ mask: true }),
  }),
  provider("C", { text: task({ negativePrompt: true }) }, false),
];
const model = (id: string, owned_by: string, tasks: Task[], max_n = 4): Model => ({
  id,
  owned_by,
  capabilities: { tasks, sizes: [], max_n },
});
const models = [
  model("auto", "img-router", ["text", "edit"]),
  model("dall-e-3", "img-router", ["text", "edit"]),
  model("flux", "A", ["text"]),
  model("flux", "B", ["text"], 1),
  model("org/qwen", "A", ["edit"]),
];

describe("models", () => {
  it("are read as they are asked for", () => {
    const names = ["A", "B"];
    expect(parseModel("auto", names)).toEqual({ platform: null, model: null });
    expect(parseModel("b/flux", names)).toEqual({ platform: "B", model: "flux" });
    expect(parseModel("A", names)).toEqual({ platform: "A", model: null });
    expect(parseModel("A/org/qwen", names)).toEqual({ platform: "A", model: "org/qwen" });
    expect(parseModel("org/qwen", names)).toEqual({ platform: null, model: "org/qwen" });
  });

  it("are listed by platform; those of several platforms also without one", () => {
    expect(modelGroups(models, providers, "text")).toEqual([
      {
        platform: null,
        items: [
          { value: "auto", label: "auto" },
          { value: "flux", label: "flux" },
        ],
      },
      { platform: "A", items: [{ value: "A/flux", label: "flux" }] },
      { platform: "B", items: [{ value: "B/flux", label: "flux" }] },
    ]);
    expect(modelGroups(models, providers, "edit").map(({ platform }) => platform)).toEqual([null, "A"]);
  });

  it("can do what one of their platforms can", () => {
    expect(abilitiesOf("auto", "text", models, providers)).toMatchObject({
      able: true,
      sizes: ["1024x1024", "512x512"],
      maxN: 16,
      seed: true,
      steps: true,
      quality: true,
      negative: false,
    });
    expect(abilitiesOf("A/flux", "text", models, providers)).toMatchObject({ steps: false, maxN: 4 });
    expect(abilitiesOf("B", "edit", models, providers)).toMatchObject({ mask: true, maxInputs: 0 });
    expect(abilitiesOf("C", "text", models, providers).negative).toBe(true);
    expect(abilitiesOf("C", "edit", models, providers).able).toBe(false);
    expect(abilitiesOf("org/qwen", "edit", models, providers)).toMatchObject({ maxInputs: 3, mask: false });
  });
});
