import { useState } from "react";
import { ApiError } from "@/api/client";
import type { Setting } from "@/api/types";
import { type Draft, flawOf, withChange, without } from "./values";

/** Changes that wait to be saved, and what the server refused about them. */
export function useDraft(settings: readonly Setting[]) {
  const [draft, setDraft] = useState<Draft>({});
  const [refusal, setRefusal] = useState<{ path: string; message: string } | null>(null);
  const changed = Object.keys(draft);
  return {
    draft,
    changed,
    flawed: settings.some(({ path }, index) => {
      const setting = settings[index];
      const text = draft[path];
      return setting !== undefined && text !== undefined && flawOf(setting, text) !== null;
    }),
    change: (setting: Setting, text: string | null) => {
      setDraft((before) => withChange(before, setting, text));
      if (refusal?.path === setting.path) setRefusal(null);
    },
    discard: () => {
      setDraft({});
      setRefusal(null);
    },
    /** Takes a save that succeeded: what was changed again meanwhile stays unsaved. */
    settle: (saved: Draft) => setDraft((before) => without(before, saved)),
    /** Takes a failed save: true if it is about one of the fields, which now says so. */
    refuse: (error: unknown): string | null => {
      if (!(error instanceof ApiError) || error.param === null) return null;
      if (!settings.some(({ path }) => path === error.param)) return null;
      setRefusal({ path: error.param, message: error.message });
      return error.param;
    },
    refusalOf: (path: string) => (refusal?.path === path ? refusal.message : null),
  };
}

export type DraftState = ReturnType<typeof useDraft>;
