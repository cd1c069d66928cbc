// What the drivers in JavaScript share: they do the features of a stage and give one record for each. Runs in Node and in pages.

/** What a user sees of an error. */
export function told(error) {
  const seen = { kind: error?.name === "Error" ? error.constructor.name : (error?.name ?? "unknown"), message: String(error?.message ?? error) };
  const cause = error?.lastError ?? error;
  if (typeof cause?.status === "number" || typeof cause?.statusCode === "number") seen.status = cause.status ?? cause.statusCode;
  const code = cause?.code ?? cause?.data?.error?.code;
  if (code != null) seen.code = code;
  return seen;
}

/** The record of one feature. */
export async function record(features, stage, feature) {
  if (!(feature in features)) return { feature, unsupported: true };
  try {
    return { feature, ...(await features[feature](stage.prompts[feature])) };
  } catch (error) {
    return { feature, error: told(error) };
  }
}

/** Does all features of the stage; `say` is given every record. */
export async function play(features, stage, say) {
  const act = async (feature) => say(await record(features, stage, feature));
  const names = Object.keys(stage.prompts);
  if (stage.together) await Promise.all(names.map(act));
  else for (const name of names) await act(name);
}

export const print = (record) => console.log(JSON.stringify(record));
export const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
export const uri = (base64) => `data:image/png;base64,${base64}`;
/** Waits until the platform is asked to draw this prompt. */
export const untilDrawing = async (stage, prompt) => (await fetch(`${stage.drawing}?prompt=${encodeURIComponent(prompt)}`)).text();
