/** The documentation as the gateway serves it under /docs: two languages, and nothing from elsewhere. */
import { defineConfig } from "vitepress";
import { outsideLinks, TESTED } from "./outside.mjs";
import { en, zh } from "./menus.mjs";
import { spaced } from "./words.mjs";

export default defineConfig({
  base: "/docs/",
  cleanUrls: true,
  title: "ImgRouter",
  locales: {
    root: { label: "English", lang: "en", description: "An image-generation gateway with one OpenAI-compatible endpoint", themeConfig: en },
    zh: { label: "简体中文", lang: "zh-CN", description: "图像生成网关：一个兼容 OpenAI 的接口", themeConfig: zh },
  },
  head: [["link", { rel: "icon", href: "/docs/favicon.svg", type: "image/svg+xml" }]],
  // Addresses of a gateway on the reader's own machine are no links of this site. Where the table of
  // tested clients is not there, the gateway leads its address to the overview.
  ignoreDeadLinks: [/^https?:\/\/localhost/, ...(TESTED.length > 0 ? [] : [/(^|\/)clients$/])],
  markdown: { config: outsideLinks },
  vite: {
    // Pictures stay files: the gateway's policy and caches know files.
    build: { assetsInlineLimit: 0, reportCompressedSize: false, chunkSizeWarningLimit: 1000 },
  },
  themeConfig: {
    outline: { level: [2, 3] },
    search: {
      provider: "local",
      options: {
        // Chinese has no spaces between words: every character is a word of the index.
        _render: (source, env, md) => {
          const html = md.render(source, env);
          return env.relativePath.startsWith("zh/") ? spaced(html) : html;
        },
        locales: {
          zh: {
            translations: {
              button: { buttonText: "搜索", buttonAriaLabel: "搜索" },
              modal: {
                displayDetails: "显示详细列表",
                resetButtonTitle: "清除",
                backButtonTitle: "关闭搜索",
                noResultsText: "没有结果",
                footer: { selectText: "打开", navigateText: "移动", closeText: "关闭" },
              },
            },
          },
        },
      },
    },
  },
});
