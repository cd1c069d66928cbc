/** English documents among the Chinese pages. */
import { decisionPages } from "../../.vitepress/outside.mjs";

export default decisionPages();
