/** VitePress' own theme, with the reader's fonts. */
import DefaultTheme from "vitepress/theme-without-fonts";
import { words } from "../words.mjs";
import "./style.css";

export default {
  extends: DefaultTheme,
  enhanceApp({ siteData }) {
    const { options } = siteData.value.themeConfig.search;
    options.miniSearch = { searchOptions: { tokenize: words, combineWith: "AND" } };
  },
};
