/** Figures step by step, and which of a service's kinds of spans to look at. Pure. */
import type { Metric, Metrics } from "../../api/queries";

const MINUTE_MS = 60_000;
const STEPS: readonly (readonly [number, string])[] = [
  [1, "1m"],
  [5, "5m"],
  [15, "15m"],
  [60, "1h"],
  [360, "6h"],
  [1_440, "1d"],
];
const MOST_STEPS = 100;

/** The shortest step, in the API's words, with which a window of so many milliseconds has no more steps than can be seen. */
export function stepFor(window: number): string {
  const found = STEPS.find(([minutes]) => window / (minutes * MINUTE_MS) <= MOST_STEPS);
  return (found ?? STEPS.at(-1) ?? [0, "1d"])[1];
}

export type Series = {
  /** Beginning of each step, in seconds since the epoch. */
  at: number[];
  /** A second. */
  rate: number[];
  /** Share of 1; null where nothing was called. */
  errors: (number | null)[];
  /** ns, by quantile; null where nothing was called. */
  durations: Record<string, (number | null)[]>;
};

export const QUANTILES = ["0.5", "0.95", "0.99"] as const;

/** Every step of the window, those without a call too. `metrics` has at most one point a step among `points`. */
export function series({ since_unix_nano, until_unix_nano, step_ns }: Metrics, points: readonly Metric[]): Series {
  const step = BigInt(step_ns || 1);
  const first = BigInt(since_unix_nano) / step;
  const last = (BigInt(until_unix_nano) - 1n) / step;
  const known = new Map(points.map((point) => [BigInt(point.start_unix_nano) / step, point]));
  const steps = Array.from({ length: Number(last - first) + 1 }, (_, index) => first + BigInt(index));
  const found = steps.map((at) => known.get(at));
  return {
    at: steps.map((at) => Number((at * step) / 1_000_000n) / 1000),
    rate: found.map((point) => point?.calls_per_second ?? 0),
    errors: found.map((point) => point?.error_ratio ?? null),
    durations: Object.fromEntries(
      QUANTILES.map((level) => [level, found.map((point) => point?.durations_ns[level] ?? null)]),
    ),
  };
}

/** What is asked of a service comes first, what it asks of others and does inside of itself later. */
const ORDER = ["server", "consumer", "client", "producer", "internal", "unspecified"];

/** The kinds that a service has, with their points; of each the first is what to look at unless asked otherwise. */
export function byKind(points: readonly Metric[]): Metric[] {
  return [...points].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

/** One point a service, of its first kind; those with the largest share of errors first, then the most called. */
export function overview(points: readonly Metric[]): Metric[] {
  const found = new Map<string, Metric>();
  for (const point of byKind(points)) if (!found.has(point.service)) found.set(point.service, point);
  return [...found.values()].sort((a, b) => b.error_ratio - a.error_ratio || b.calls - a.calls);
}
