import type { Provider } from "@/api/types";

/** Whether each key of a platform may belong to an address of its own. */
export function hasOwnAddress({ name }: Provider): boolean {
  return name === "NewApi";
}
