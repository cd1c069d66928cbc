/** A page for each document of the repository that lies outside docs/. */
import { repositoryPages } from "../.vitepress/outside.mjs";

export default repositoryPages("");
