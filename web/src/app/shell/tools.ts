/** What opens something over the page: fetched after the page itself, since nothing that is read waits for it. */
import { lazy } from "react";

const load = () => import("./HeaderTools");

export const HeaderTools = lazy(() => load().then((module) => ({ default: module.HeaderTools })));
export const DemoBadge = lazy(() => load().then((module) => ({ default: module.DemoBadge })));
