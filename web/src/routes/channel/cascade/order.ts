import type { Provider, Task } from "@/api/types";

export const HEAVIEST = 100;
/** The weight of a platform that nobody has weighed. */
export const USUAL = 10;

export interface Placed {
  name: string;
  weight: number;
}

/** New weights by platform. */
export type Weights = Record<string, number>;

/** The platforms of a task by falling weight, and those that only serve when they are named. */
export function placed(providers: readonly Provider[], task: Task) {
  const all = providers.flatMap(({ name, tasks }): Placed[] => {
    const weight = tasks[task]?.weight;
    return weight === undefined ? [] : [{ name, weight }];
  });
  return {
    // A stable sort: equal weights keep their place on the page, though the gateway shuffles them.
    cascade: all.filter(({ weight }) => weight > 0).sort((one, other) => other.weight - one.weight),
    resting: all.filter(({ weight }) => weight === 0),
  };
}

/** A weight strictly between two others, or null where there is no room. */
function between(above: number | undefined, below: number | undefined): number | null {
  if (above === undefined)
    return below === undefined ? USUAL : below < HEAVIEST ? Math.min(HEAVIEST, below + 10) : null;
  const floor = below ?? 0;
  if (above - floor < 2) return null;
  return below === undefined ? Math.max(1, Math.min(above - 1, above - 10)) : Math.floor((above + floor) / 2);
}

/** Weights from 100 down in equal steps. */
function spread(items: readonly Placed[]): Weights {
  const step = Math.max(1, Math.floor(HEAVIEST / items.length));
  return Object.fromEntries(items.map(({ name }, index) => [name, Math.max(1, HEAVIEST - index * step)]));
}

/**
 * The weights that must change when the entry at `from` is dragged to `to`: its own alone where there is
 * room between its new neighbours, else all of them.
 */
export function reweigh(cascade: readonly Placed[], from: number, to: number): Weights {
  const moved = cascade[from];
  if (!moved || from === to) return {};
  const order = cascade.filter((_, index) => index !== from);
  order.splice(to, 0, moved);
  const weight = between(order[to - 1]?.weight, order[to + 1]?.weight);
  if (weight !== null) return { [moved.name]: weight };
  const wanted = spread(order);
  return Object.fromEntries(
    Object.entries(wanted).filter(
      ([name, value]) => cascade.find((item) => item.name === name)?.weight !== value,
    ),
  );
}

/** The part of the requests that a platform gets when they are shared by weight. */
export function share(cascade: readonly Placed[], weight: number): number {
  const sum = cascade.reduce((total, item) => total + item.weight, 0);
  return sum === 0 ? 0 : weight / sum;
}
