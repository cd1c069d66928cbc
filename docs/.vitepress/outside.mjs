/** Documents of the repository that become pages from where they are: those outside docs/, and English ones among the Chinese pages. */
import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** File in the repository → name of its page below /repository. */
export const OUTSIDE = {
  "deploy/README.md": "deployment",
  "SECURITY.md": "security",
  "ARCHITECTURE.md": "architecture",
  "CONTRIBUTING.md": "contributing",
  "CHANGELOG.md": "changelog",
};

/** Documents that are in English only. They are pages in both languages, so that a reader stays among their menus. */
const ENGLISH = ["settings", "LOGGING", "ADAPTERS", "WIRE-1X", "reliability", "requirements"];
/** The table of tested clients: written by their tests, so not there before their first run. */
export const TESTED = existsSync(`${ROOT}docs/clients.md`) ? ["clients"] : [];
const DECISIONS = ["0001-five-ideas", "0002-embedded-store"];

/**
 * Where a relative link of `file` (a path in the repository) leads on the site, in the language of
 * `prefix`. Null: nowhere, since what it names is in the repository only.
 */
export function onSite(file, href, prefix = "") {
  const [path, hash = ""] = href.split(/(?=#)/);
  const target = posix.normalize(posix.join(posix.dirname(file), path));
  if (OUTSIDE[target]) return `${prefix}/repository/${OUTSIDE[target]}${hash}`;
  if (!target.startsWith("docs/") || !target.endsWith(".md")) return null;
  const page = target.slice("docs/".length);
  // A translated page has other headings: what names one stays with the original.
  const stays = page.startsWith("zh/") || (hash !== "" && existsSync(`${ROOT}docs/zh/${page}`));
  return `${stays ? "" : prefix}/${page}${hash}`;
}

const relative = (href) => !/^([a-z]+:|\/|#)/i.test(href);

/** markdown-it: links that leave docs/ lead to the page of that document, or are plain text. */
export function outsideLinks(md) {
  md.core.ruler.push("outside_links", ({ tokens, env }) => {
    // Pages made by `pages` have their links already.
    if (!env.relativePath || /^(zh\/)?repository\//.test(env.relativePath)) return;
    const file = `docs/${env.relativePath}`;
    for (const { children } of tokens) {
      let dropped = false;
      for (const token of children ?? []) {
        if (token.type === "link_open") {
          const href = token.attrGet("href");
          if (!relative(href) || posix.normalize(posix.join(posix.dirname(file), href)).startsWith("docs/")) continue;
          const page = onSite(file, href, env.relativePath.startsWith("zh/") ? "/zh" : "");
          if (page) token.attrSet("href", page);
          else Object.assign(token, { type: "text", tag: "", content: "", nesting: 0, attrs: null }, (dropped = true));
        } else if (token.type === "link_close" && dropped) {
          Object.assign(token, { type: "text", tag: "", content: "", nesting: 0 });
          dropped = false;
        }
      }
    }
  });
}

/** The text of a document, its links made for the site. */
function rewritten(file, text, prefix) {
  return text.replace(/(!?)\[((?:[^\]`]|`[^`]*`)*)\]\(([^)\s]+)\)/g, (whole, picture, label, href) => {
    if (picture || !relative(href)) return whole;
    const page = onSite(file, href, prefix);
    return page ? `[${label}](${page})` : label;
  });
}

/** Routes of pages that are made from documents: pairs of a file in the repository and a page's name. */
function pages(documents, prefix = "") {
  return {
    watch: documents.map(([file]) => `${ROOT}${file}`),
    paths: () =>
      documents.map(([file, page]) => ({ params: { page }, content: rewritten(file, readFileSync(`${ROOT}${file}`, "utf8"), prefix) })),
  };
}

export const repositoryPages = (prefix) => pages(Object.entries(OUTSIDE), prefix);
export const englishPages = () => pages([...ENGLISH, ...TESTED].map((page) => [`docs/${page}.md`, page]), "/zh");
export const decisionPages = () => pages(DECISIONS.map((page) => [`docs/decisions/${page}.md`, page]), "/zh");
