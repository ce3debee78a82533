import { expect, test } from "vitest";
import { times } from "./clocks";
import { log, span } from "./entries.test-data";
import { grow } from "./tree";

const ENTRIES = [
  span("root", { took: 100 }),
  span("other host", { parent: 0, at: -40, took: 60, service: "payment" }),
  log("its line", { parent: 1, at: -30, service: "payment" }),
  span("back home", { parent: 1, at: 30, took: 10 }),
];

test("a service whose clock is behind its cause is moved to the middle of what it has room for", () => {
  const corrected = times(ENTRIES, grow(ENTRIES), true);
  expect([...corrected.start].map((at) => at / 1000)).toEqual([0, 20, 30, 30]);
  expect(corrected.corrected).toEqual(new Map([["payment", 60_000]]));
  expect([corrected.first, corrected.last]).toEqual([0, 100_000]);
});

test("raw times are as recorded", () => {
  const raw = times(ENTRIES, grow(ENTRIES), false);
  expect([...raw.start].map((at) => at / 1000)).toEqual([0, -40, -30, 30]);
  expect([raw.first, raw.last]).toEqual([-40_000, 100_000]);
  expect(raw.corrected.size).toBe(0);
});

test("a proxy's microsecond before its own span is no wrong clock", () => {
  const entries = [span("egress", { at: 5, took: 10 }), span("same host", { parent: 0, at: 4, took: 3 })];
  expect(times(entries, grow(entries), true).corrected.size).toBe(0);
});
