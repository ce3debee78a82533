import { expect, test } from "vitest";
import { intervals, totals } from "./intervals";

const COUNTS = {
  counts: [
    { start_unix_nano: "1795000020000000000", kind: "timeout", service: "cart", count: 2 },
    { start_unix_nano: "1795000020000000000", kind: "retry", service: "cart", count: 1 },
    { start_unix_nano: "1795000040000000000", kind: "retry", service: "edge", count: 5 },
  ],
  interval_ns: 10_000_000_000,
  since_unix_nano: "1795000013000000000",
  until_unix_nano: "1795000050000000000",
};

test("every interval is there, also those without events", () => {
  const all = intervals(COUNTS);
  expect(all.map((one) => [one.start, one.total])).toEqual([
    [1_795_000_010_000, 0],
    [1_795_000_020_000, 3],
    [1_795_000_030_000, 0],
    [1_795_000_040_000, 5],
  ]);
  expect(all[1]?.byKind.get("timeout")).toBe(2);
});

test("totals, most first", () => {
  expect(totals(COUNTS, "kind")).toEqual([
    ["retry", 6],
    ["timeout", 2],
  ]);
  expect(totals(COUNTS, "service")).toEqual([
    ["edge", 5],
    ["cart", 3],
  ]);
});
