/** Short messages over the page. What shows them is fetched when the first one comes, or when there is time. */
import type { TrialResult } from "@/api/types";
import type { Undoable } from "./toasts";

export const loadToasts = () => import("./toasts");

export const notifyDone = (message: string) => void loadToasts().then(({ done }) => done(message));

export const notifyError = (error: unknown) => void loadToasts().then(({ failed }) => failed(error));

/** Says what was done, with a button to take it back. */
export const notifyUndo = (what: Undoable) => void loadToasts().then(({ undo }) => undo(what));

/** The outcome of a trial, in the gateway's words. */
export const notifyTrial = (result: TrialResult) => void loadToasts().then(({ trial }) => trial(result));
