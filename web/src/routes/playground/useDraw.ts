import { useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { shapeOf, taskOf, toFields, toSearch } from "./form";
import type { Abilities } from "./models";
import { draw, type Run } from "./run";
import { playground } from "./store";

let drawing: AbortController | null = null;

/** Begins the drawing that the form asks for. */
async function start(abilities: Abilities) {
  const { form, inputs, mask } = playground.get();
  const id = `pg_${crypto.randomUUID().replaceAll("-", "").slice(0, 20)}`;
  const control = new AbortController();
  drawing = control;
  const change = (how: (run: Run) => Partial<Run>) =>
    playground.changeRun(id, (run) => ({ ...run, ...how(run) }));
  const task = taskOf(inputs.length);
  const [first] = inputs;
  playground.addRun({
    id,
    started: Date.now(),
    ended: null,
    state: "drawing",
    task,
    prompt: form.prompt,
    wanted: form.n,
    // An edit has the shape of its picture unless it asks for another.
    shape: form.size === "" && first ? first.width / first.height : shapeOf(form.size),
    partial: null,
    pictures: [],
    warnings: [],
    provider: null,
    model: null,
    error: null,
  });
  try {
    await draw(
      {
        id,
        task,
        fields: toFields(form, abilities),
        inputs,
        mask: task === "edit" ? mask : null,
        signal: control.signal,
      },
      {
        onFacts: (facts) => change(() => facts),
        onWarning: (text) => change(({ warnings }) => ({ warnings: [...warnings, text] })),
        onPartial: (url) =>
          change(({ partial }) => {
            if (partial) URL.revokeObjectURL(partial);
            return { partial: url };
          }),
        onPicture: (picture) =>
          change(({ pictures }) => ({ pictures: [...pictures, picture], partial: null })),
      },
    );
    change(() => ({ state: "done" }));
  } catch (error) {
    const failure = error instanceof Error ? error : new Error(String(error));
    change(() => (control.signal.aborted ? { state: "cancelled" } : { state: "failed", error: failure }));
  } finally {
    change(() => ({ ended: Date.now() }));
    if (drawing === control) drawing = null;
  }
}

export function useDraw(abilities: Abilities) {
  const navigate = useNavigate();
  return {
    draw: useCallback(() => {
      if (drawing) return;
      const { form, inputs } = playground.get();
      const names = inputs.flatMap(({ filename }) => (filename === null ? [] : [filename]));
      // What was drawn last is found again by going back, and can be given to others.
      void navigate({ to: "/playground", search: toSearch(form, names), replace: true, resetScroll: false });
      void start(abilities);
    }, [abilities, navigate]),
    cancel: useCallback(() => drawing?.abort(), []),
  };
}
