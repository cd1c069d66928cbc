/**
 * What is on the playground. It outlives the page: a drawing takes a minute, and whoever looks at the log
 * meanwhile finds everything as it was.
 */
import { useSyncExternalStore } from "react";
import { EMPTY, type Form } from "./form";
import { type InputPicture, release } from "./inputs";
import type { Run } from "./run";

interface State {
  form: Form;
  inputs: readonly InputPicture[];
  /** Belongs to the only input; goes with it. */
  mask: Blob | null;
  /** The mask is being painted. */
  masking: boolean;
  /** The newest first. */
  runs: readonly Run[];
}

const KEPT_RUNS = 12;

let state: State = { form: EMPTY, inputs: [], mask: null, masking: false, runs: [] };
const listeners = new Set<() => void>();

function set(change: Partial<State>) {
  state = { ...state, ...change };
  for (const listener of listeners) listener();
}

export function usePlayground(): State {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    () => state,
  );
}

export const playground = {
  get: () => state,
  change: (form: Partial<Form>) => set({ form: { ...state.form, ...form } }),
  setForm: (form: Form) => set({ form }),
  addInputs: (added: readonly InputPicture[]) => set({ inputs: [...state.inputs, ...added], mask: null }),
  setInputs(inputs: readonly InputPicture[]) {
    release(state.inputs);
    set({ inputs, mask: null });
  },
  removeInput(id: string) {
    release(state.inputs.filter((input) => input.id === id));
    set({ inputs: state.inputs.filter((input) => input.id !== id), mask: null });
  },
  /** One place towards the beginning: what the first picture is matters to most models. */
  moveInput(id: string) {
    const at = state.inputs.findIndex((input) => input.id === id);
    const moved = state.inputs[at];
    if (at < 1 || !moved) return;
    const inputs = state.inputs.filter((input) => input.id !== id);
    set({ inputs: inputs.toSpliced(at - 1, 0, moved) });
  },
  setMask: (mask: Blob | null) => set({ mask, masking: false }),
  paintMask: (masking: boolean) => set({ masking }),
  addRun(run: Run) {
    for (const { pictures } of state.runs.slice(KEPT_RUNS - 1)) {
      for (const { url, blob } of pictures) if (blob) URL.revokeObjectURL(url);
    }
    set({ runs: [run, ...state.runs].slice(0, KEPT_RUNS) });
  },
  changeRun: (id: string, change: (run: Run) => Run) =>
    set({ runs: state.runs.map((run) => (run.id === id ? change(run) : run)) }),
};
