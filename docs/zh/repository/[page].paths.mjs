/** English documents among the Chinese pages. */
import { repositoryPages } from "../../.vitepress/outside.mjs";

export default repositoryPages("/zh");
