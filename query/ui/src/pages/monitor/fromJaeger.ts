/** What addresses of Jaeger's monitor ask for, in our parameters. Pure. */

const MINUTE_MS = 60_000;

/** The parameters of our page; null where these aren't Jaeger's. `lookback` is in milliseconds there, or as in its search. */
export function fromJaeger(parameters: URLSearchParams): URLSearchParams | null {
  const [lookback, kind, end] = ["lookback", "spanKind", "endTs"].map((name) => parameters.get(name)) as (
    | string
    | null
  )[];
  if (lookback === null && kind === null && end === null) return null;
  const ours = new URLSearchParams(parameters);
  for (const name of ["lookback", "spanKind", "endTs"]) ours.delete(name);
  const back = duration(lookback ?? "");
  if (/^\d{12,14}$/.test(end ?? "")) {
    const until = Number(end);
    ours.set("since", seconds(until - (back || 60 * MINUTE_MS)));
    ours.set("until", seconds(until));
  } else if (back) ours.set("since", `${Math.max(1, Math.round(back / MINUTE_MS))}m`);
  const named = (kind ?? "").toLowerCase().replace(/^span_kind_/, "");
  if (named) ours.set("kind", named);
  return ours;
}

/** Milliseconds; 0 for what is no duration. */
function duration(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  const [, number, unit] = /^(\d+(?:\.\d+)?)([mhd])$/.exec(text) ?? [];
  return number ? Number(number) * { m: 1, h: 60, d: 1440 }[unit as "m" | "h" | "d"] * MINUTE_MS : 0;
}

function seconds(milliseconds: number): string {
  return String(Math.floor(milliseconds / 1000));
}
