/** English documents among the Chinese pages. */
import { englishPages } from "../.vitepress/outside.mjs";

export default englishPages();
