import { expect, test } from "vitest";
import type { Metric } from "../../api/queries";
import { ordered } from "./operations";

const metric = (operation: string, calls: number, error_ratio: number, took: number) =>
  ({ operation, calls, error_ratio, durations_ns: { "0.5": took, "0.95": took, "0.99": took } }) as unknown as Metric;
const all = [metric("b", 10, 0, 5), metric("c", 1, 0.5, 20), metric("a", 10, 0, 1)];

test.each([
  ["operation", "abc"],
  ["rate", "abc"],
  ["errors", "cab"],
  ["p95", "cba"],
  ["impact", "bca"],
] as const)("by %s", (order, names) => {
  expect(
    ordered(all, order)
      .map(({ operation }) => operation)
      .join(""),
  ).toBe(names);
});
