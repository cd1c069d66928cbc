import { describe, expect, it } from "vitest";
import type { RequestRow } from "@/api/types";
import { freshRows } from "./fresh";

const row = (id: string) => ({ id }) as RequestRow;
const head = ["d", "c", "b"].map(row);

describe("new rows of the log", () => {
  it("are those above the first that is shown", () => {
    expect(freshRows(head, row("b")).rows.map(({ id }) => id)).toEqual(["d", "c"]);
    expect(freshRows(head, row("d"))).toEqual({ rows: [], gap: false });
  });

  it("are all of them when nothing is shown", () => {
    expect(freshRows(head, undefined)).toEqual({ rows: head, gap: false });
  });

  it("may be more than were read", () => {
    expect(freshRows(head, row("a"))).toEqual({ rows: head, gap: true });
  });
});
