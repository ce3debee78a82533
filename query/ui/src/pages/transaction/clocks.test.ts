import { expect, test } from "vitest";
import type { Transaction } from "../../api/queries";
import { times } from "./clocks";
import { criticalPath } from "./criticalPath";
import { log, span } from "./entries.test-data";

const LATE = { correction_ns: 60_000 };
const ENTRIES = [
  span("root", { took: 100 }),
  span("other host", { parent: 0, at: -40, took: 60, service: "payment" }, LATE),
  { ...log("its line", { parent: 1, at: -30, service: "payment" }), ...LATE },
  span("back home", { parent: 1, at: 30, took: 10 }),
];

test("corrected, rows lie where the service says", () => {
  const corrected = times(ENTRIES, true);
  expect([...corrected.start].map((at) => at / 1000)).toEqual([0, 20, 30, 30]);
  expect(corrected.corrected).toEqual(new Map([["payment", 60_000]]));
  expect([corrected.first, corrected.last]).toEqual([0, 100_000]);
});

test("raw times are as recorded", () => {
  const raw = times(ENTRIES, false);
  expect([...raw.start].map((at) => at / 1000)).toEqual([0, -40, -30, 30]);
  expect([raw.first, raw.last]).toEqual([-40_000, 100_000]);
  expect(raw.corrected.size).toBe(0);
});

test("a clock that is ahead is moved back", () => {
  const ahead = [span("root", { took: 9 }), span("fast", { parent: 0, at: 50, took: 3 }, { correction_ns: -47_000 })];
  expect([...times(ahead, true).start]).toEqual([0, 3_000]);
  expect(times(ahead, true).corrected).toEqual(new Map([["cart", -47_000]]));
});

test("the critical path goes by the clocks that are shown", () => {
  const piece = { entry: 1, start_ns: 20_000, end_ns: 80_000, place: "service", inferred: false } as const;
  const answer = { critical_path: [piece], entries: ENTRIES } as unknown as Transaction;
  expect(criticalPath(answer, true)[0]).toMatchObject({ index: 1, start: 20_000, end: 80_000 });
  expect(criticalPath(answer, false)[0]).toMatchObject({ index: 1, start: -40_000, end: 20_000 });
});

test("nothing has no time", () => {
  expect([times([], true).first, times([], true).last]).toEqual([0, 0]);
});
