import { expect, test } from "vitest";
import type { Metric, Metrics } from "../../api/queries";
import { byKind, overview, series, stepFor } from "./series";

const MINUTE = 60_000_000_000;
const metric = (more: Partial<Metric> = {}): Metric => ({
  start_unix_nano: "0",
  service: "cart",
  operation: "",
  kind: "server",
  calls: 60,
  calls_per_second: 1,
  errors: 3,
  error_ratio: 0.05,
  durations_ns: { "0.5": 1, "0.75": 2, "0.9": 3, "0.95": 4, "0.99": 5 },
  ...more,
});

test.each([
  [5 * 60_000, "1m"],
  [60 * 60_000, "1m"],
  [6 * 3_600_000, "5m"],
  [24 * 3_600_000, "15m"],
  [7 * 86_400_000, "6h"],
  [400 * 86_400_000, "1d"],
])("a window of %s ms has steps of %s", (window, step) => {
  expect(stepFor(window)).toBe(step);
});

test("steps without a call are there, without errors and durations", () => {
  const answer: Metrics = {
    metrics: [metric({ start_unix_nano: String(10 * MINUTE) }), metric({ start_unix_nano: String(12 * MINUTE) })],
    since_unix_nano: String(10 * MINUTE),
    until_unix_nano: String(13 * MINUTE),
    step_ns: MINUTE,
  };
  const found = series(answer, answer.metrics);
  expect(found.at).toEqual([600, 660, 720]);
  expect(found.rate).toEqual([1, 0, 1]);
  expect(found.errors).toEqual([0.05, null, 0.05]);
  expect(found.durations["0.95"]).toEqual([4, null, 4]);
});

test("what is asked of a service comes first", () => {
  const points = [metric({ kind: "internal" }), metric({ kind: "client" }), metric({ kind: "server" })];
  expect(byKind(points).map(({ kind }) => kind)).toEqual(["server", "client", "internal"]);
  const others = [metric({ service: "jobs", kind: "consumer", error_ratio: 0.5 })];
  expect(overview([...points, ...others]).map(({ service, kind }) => [service, kind])).toEqual([
    ["jobs", "consumer"],
    ["cart", "server"],
  ]);
});
