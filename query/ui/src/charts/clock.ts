import type uPlot from "uplot";

/** Seconds between the chart's ends. */
export function clockSpan(u: uPlot): number {
  return (u.scales.x?.max ?? 0) - (u.scales.x?.min ?? 0);
}

/** A time of day in UTC, with its day where the chart has several, with seconds where it has few. */
export function clock(seconds: number, span: number): string {
  const text = new Date(seconds * 1000).toISOString();
  if (span > 86_400) return `${text.slice(5, 10)} ${text.slice(11, 16)}`;
  return text.slice(11, span < 600 ? 19 : 16);
}
