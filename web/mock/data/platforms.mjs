const SIZES = [
  "256x256",
  "512x512",
  "1024x1024",
  "1024x768",
  "768x1024",
  "2048x2048",
  "2304x1728",
  "1728x2304",
  "2560x1440",
  "1440x2560",
  "4096x4096",
];

function task(models, defaultSize, weight, more = {}) {
  return {
    model: null,
    size: null,
    quality: null,
    n: null,
    steps: null,
    weight,
    modelMap: "",
    translate: null,
    expand: null,
    models,
    defaultModel: models[0] ?? null,
    defaultSize,
    sizes: SIZES,
    maxInputs: 0,
    nativeN: 1,
    mask: false,
    seed: true,
    takesSteps: false,
    negativePrompt: false,
    ...more,
  };
}

function platform(name, tasks, more = {}) {
  const models = (kind) => tasks[kind]?.models ?? [];
  return {
    name,
    enabled: true,
    configured: true,
    baseUrl: null,
    needsKey: "required",
    capabilities: {
      textToImage: Boolean(tasks.text),
      imageToImage: Boolean(tasks.edit),
      multiImageFusion: Boolean(tasks.blend),
      asyncTask: false,
      maxInputImages: tasks.blend?.maxInputs ?? tasks.edit?.maxInputs ?? 0,
      maxOutputImages: 4,
    },
    textModels: models("text"),
    editModels: models("edit"),
    blendModels: models("blend"),
    defaultModel: models("text")[0] ?? "",
    defaultEditModel: models("edit")[0] ?? "",
    defaultBlendModel: models("blend")[0] ?? "",
    defaultSize: tasks.text?.defaultSize ?? "",
    defaultEditSize: tasks.edit?.defaultSize ?? "",
    defaultBlendSize: tasks.blend?.defaultSize ?? "",
    supportsQuality: false,
    tasks,
    breaker: "closed",
    lastFailure: null,
    watermark: null,
    usesSpaces: false,
    apis: [],
    ...more,
  };
}

const SEEDREAM = ["doubao-seedream-4-5-251128", "doubao-seedream-4-0-250828"];
const QWEN_EDIT = ["Qwen/Qwen-Image-Edit", "Qwen/Qwen-Image-Edit-2511", "Qwen/Qwen-Image-Edit-2509"];
const GITEE_EDIT = ["Qwen-Image-Edit", "HiDream-E1-Full", "FLUX.1-Kontext-dev", "DreamO", "Kolors"];
const POLL_EDIT = ["nanobanana-pro", "nanobanana", "kontext", "seedream", "gptimage"];

export const PLATFORMS = [
  platform(
    "Doubao",
    {
      text: task(SEEDREAM, "2048x2048", 60, { nativeN: 15, modelMap: "gpt-image-1, dall-e-3" }),
      edit: task(SEEDREAM, "2048x2048", 40, { maxInputs: 14 }),
      blend: task(SEEDREAM, "2048x2048", 40, { maxInputs: 14 }),
    },
    { watermark: true },
  ),
  platform(
    "Gitee",
    {
      text: task(
        ["z-image-turbo", "FLUX.1-dev", "Kolors", "Qwen-Image-2512", "HiDream-I1-Full", "CogView4_6B"],
        "2048x2048",
        30,
        {
          takesSteps: true,
          negativePrompt: true,
        },
      ),
      edit: task(GITEE_EDIT, "1024x1024", 20, { maxInputs: 5, takesSteps: true }),
      blend: task(GITEE_EDIT, "1024x1024", 20, { maxInputs: 5, takesSteps: true }),
    },
    {
      breaker: "open",
      lastFailure: {
        time: Date.now() - 42_000,
        class: "overloaded",
        message: "503: the model queue is full",
      },
    },
  ),
  platform("ModelScope", {
    text: task(["Tongyi-MAI/Z-Image-Turbo"], "1024x1024", 10, { takesSteps: true, negativePrompt: true }),
    edit: task(QWEN_EDIT, "1024x1024", 30, { maxInputs: 10 }),
    blend: task(QWEN_EDIT, "1024x1024", 10, { maxInputs: 10 }),
  }),
  platform(
    "HuggingFace",
    {
      text: task(["z-image-turbo"], "1024x1024", 10, { takesSteps: true }),
      edit: task(["Qwen-Image-Edit-2511"], "1024x1024", 10, { maxInputs: 1, takesSteps: true }),
    },
    { needsKey: "optional", usesSpaces: true, breaker: "probing" },
  ),
  platform(
    "Pollinations",
    {
      text: task(["flux", "turbo", "zimage", "nanobanana", "gptimage", "seedream"], "1024x1024", 0, {
        quality: "high",
      }),
      edit: task(POLL_EDIT, "1024x1024", 10, { maxInputs: 5, mask: true }),
      blend: task(POLL_EDIT, "1024x1024", 10, { maxInputs: 5 }),
    },
    { needsKey: "optional", supportsQuality: true, enabled: false, apis: ["gen", "legacy"] },
  ),
  platform(
    "NewApi",
    {
      text: task([], "1024x1024", 10, { mask: true }),
      edit: task([], "1024x1024", 10, { maxInputs: 10, mask: true }),
      blend: task([], "1024x1024", 10, { maxInputs: 10 }),
    },
    { configured: false, enabled: false, supportsQuality: true },
  ),
  platform(
    "Local",
    { text: task(["local"], "1024x1024", 0), edit: task(["local"], "1024x1024", 0) },
    { needsKey: "none" },
  ),
];

export const PROMPTS = [
  "A lighthouse on a cliff at dusk, long exposure, muted colours",
  "一只橘猫坐在窗台上看雨，水彩风格",
  "Isometric cutaway of a tiny bookshop, warm light, detailed",
  "江南水乡的清晨，薄雾，石桥，国画",
  "Product photo of a ceramic mug on linen, soft shadows",
  "赛博朋克城市夜景，霓虹灯，雨后的街道",
  "Children's book illustration of a fox carrying a lantern through snow",
  "A map of an imaginary archipelago, engraved style",
  "把背景换成海边日落",
  "Blend both portraits into one double exposure",
];
