/** Menus, in both languages. */
import { TESTED } from "./outside.mjs";

/** Names of clients are the same in both. */
const CLIENTS = [
  ["Cherry Studio", "cherry-studio"],
  ["Open WebUI", "open-webui"],
  ["NextChat", "nextchat"],
  ["LobeChat (LobeHub)", "lobechat"],
  ["LibreChat", "librechat"],
  ["Dify", "dify"],
  ["n8n", "n8n"],
  ["SillyTavern", "sillytavern"],
  ["Chatbox", "chatbox"],
];

const clients = (prefix, { overview, sdks, tested }) => [
  { text: overview, link: `${prefix}/clients/` },
  ...CLIENTS.map(([text, page]) => ({ text, link: `${prefix}/clients/${page}` })),
  { text: sdks, link: `${prefix}/clients/sdks` },
  ...TESTED.map((page) => ({ text: tested, link: `${prefix}/${page}` })),
];

/** The API reference is a page of the panel, not of this site: the browser must go there. */
const api = (text) => ({ text, link: "/api", target: "_self" });

const developers = (prefix, names) => [
  { text: names.architecture, link: `${prefix}/repository/architecture` },
  { text: names.adapters, link: `${prefix}/ADAPTERS` },
  { text: names.wire, link: `${prefix}/WIRE-1X` },
  { text: names.requirements, link: `${prefix}/requirements` },
  { text: names.ideas, link: `${prefix}/decisions/0001-five-ideas` },
  { text: names.store, link: `${prefix}/decisions/0002-embedded-store` },
  { text: names.contributing, link: `${prefix}/repository/contributing` },
];

export const en = {
  nav: [{ text: "Manual", link: "/manual" }, { text: "Clients", link: "/clients/" }, { text: "Settings", link: "/settings" }, api("API")],
  sidebar: [
    {
      text: "Use it",
      items: [
        { text: "Manual", link: "/manual" },
        { text: "Settings", link: "/settings" },
        { text: "Deployment", link: "/repository/deployment" },
        { text: "Logging", link: "/LOGGING" },
        { text: "Security", link: "/repository/security" },
        { text: "Reliability", link: "/reliability" },
        { text: "Changelog", link: "/repository/changelog" },
        api("API reference"),
      ],
    },
    { text: "Clients", items: clients("", { overview: "Overview", sdks: "SDKs", tested: "What the tests say" }) },
    {
      text: "Developers",
      collapsed: true,
      items: developers("", {
        architecture: "Architecture",
        adapters: "Adding a platform",
        wire: "Requests beside 1.x",
        requirements: "Requirements and tests",
        ideas: "Decision: five ideas",
        store: "Decision: embedded store",
        contributing: "Contributing",
      }),
    },
  ],
};

export const zh = {
  nav: [{ text: "手册", link: "/zh/manual" }, { text: "客户端", link: "/zh/clients/" }, { text: "设置", link: "/zh/settings" }, api("接口文档")],
  sidebar: [
    {
      text: "使用",
      items: [
        { text: "用户手册", link: "/zh/manual" },
        { text: "全部设置（英文）", link: "/zh/settings" },
        { text: "部署（英文）", link: "/zh/repository/deployment" },
        { text: "日志（英文）", link: "/zh/LOGGING" },
        { text: "安全（英文）", link: "/zh/repository/security" },
        { text: "可靠性（英文）", link: "/zh/reliability" },
        { text: "更新日志（英文）", link: "/zh/repository/changelog" },
        api("接口文档"),
      ],
    },
    { text: "客户端", items: clients("/zh", { overview: "总览", sdks: "SDK", tested: "测试结果（英文）" }) },
    {
      text: "开发（英文）",
      collapsed: true,
      items: developers("/zh", {
        architecture: "架构",
        adapters: "添加平台",
        wire: "与 1.x 的请求对照",
        requirements: "要求与测试",
        ideas: "决策：五个想法",
        store: "决策：内嵌存储",
        contributing: "参与贡献",
      }),
    },
  ],
  outline: { level: [2, 3], label: "本页内容" },
  docFooter: { prev: "上一页", next: "下一页" },
  darkModeSwitchLabel: "主题",
  lightModeSwitchTitle: "切换到浅色",
  darkModeSwitchTitle: "切换到深色",
  sidebarMenuLabel: "目录",
  returnToTopLabel: "回到顶部",
  langMenuLabel: "语言",
  skipToContentLabel: "跳到正文",
  notFound: {
    title: "没有这个页面",
    quote: "地址可能有误，或者页面已经移动。",
    linkLabel: "回到首页",
    linkText: "回到首页",
  },
};
