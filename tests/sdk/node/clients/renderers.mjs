// What chat clients show Markdown with, in a page: `render(markdown)` gives the addresses of the pictures that each shows.

import createPurifier from "dompurify";
import markdownIt from "markdown-it";
import { marked } from "marked";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server.browser";
import ReactMarkdown8 from "react-markdown8";
import ReactMarkdown9 from "react-markdown9";
import ReactMarkdown10 from "react-markdown10";
import showdown from "showdown";

const purify = (html) => createPurifier(window).sanitize(html);
const react = (component) => (markdown) => renderToStaticMarkup(createElement(component, { children: markdown }));
const renderers = {
  "react-markdown 8": react(ReactMarkdown8),
  "react-markdown 9": react(ReactMarkdown9),
  "react-markdown 10": react(ReactMarkdown10),
  "marked and DOMPurify": (markdown) => purify(marked.parse(markdown)),
  "markdown-it": (markdown) => markdownIt().render(markdown),
  "showdown and DOMPurify": (markdown) => purify(new showdown.Converter().makeHtml(markdown)),
};
const pictures = (html) => [...new DOMParser().parseFromString(html, "text/html").querySelectorAll("img")].map((image) => image.getAttribute("src"));
globalThis.render = (markdown) => Object.fromEntries(Object.entries(renderers).map(([name, render]) => [name, pictures(render(markdown))]));
/** Whether the page can load a picture, and read its pixels. */
globalThis.load = async (src) => {
  const image = Object.assign(new Image(), { crossOrigin: "anonymous", src });
  await image.decode();
  const canvas = new OffscreenCanvas(1, 1).getContext("2d");
  canvas.drawImage(image, 0, 0);
  return [image.naturalWidth, canvas.getImageData(0, 0, 1, 1).data.length];
};
