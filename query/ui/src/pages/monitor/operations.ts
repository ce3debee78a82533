/** Operations of a service, in the order of one of their figures. Pure. */
import type { Metric } from "../../api/queries";

export type Order = "operation" | "rate" | "errors" | "p50" | "p95" | "p99" | "impact";

export const ORDERS: readonly (readonly [Order, string])[] = [
  ["operation", "Operation"],
  ["rate", "Rate"],
  ["errors", "Errors"],
  ["p50", "p50"],
  ["p95", "p95"],
  ["p99", "p99"],
  ["impact", "Impact"],
];

/** About how much time was spent in it: what is worth being made faster. */
export function impact({ calls, durations_ns }: Metric): number {
  return calls * (durations_ns["0.5"] ?? 0);
}

const VALUES: Record<Exclude<Order, "operation">, (one: Metric) => number> = {
  rate: (one) => one.calls,
  errors: (one) => one.error_ratio,
  p50: (one) => one.durations_ns["0.5"] ?? 0,
  p95: (one) => one.durations_ns["0.95"] ?? 0,
  p99: (one) => one.durations_ns["0.99"] ?? 0,
  impact,
};

/** The largest first; names as in a dictionary. */
export function ordered(all: readonly Metric[], order: Order): Metric[] {
  const byName = (a: Metric, b: Metric) => a.operation.localeCompare(b.operation);
  if (order === "operation") return [...all].sort(byName);
  const value = VALUES[order];
  return [...all].sort((a, b) => value(b) - value(a) || byName(a, b));
}
