/** Times as the search language takes them: `15m` (ago), `2026-11-22T14:05` (UTC), Unix seconds, `now`. */

const SECONDS: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** Milliseconds since the epoch; NaN for what the service wouldn't understand either. */
export function moment(text: string, now: number): number {
  if (text === "" || text === "now") return now;
  const back = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text);
  if (back) return now - Number(back[1]) * (SECONDS[back[2] ?? ""] ?? 0) * 1000;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  return Date.parse(/(Z|[+-]\d\d:\d\d)$/i.test(text) ? text : `${text}Z`);
}

/** "2026-11-22T14:05:30" in UTC, for an `<input type="datetime-local" step="1">` and for the service. */
export function isoSeconds(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? new Date(milliseconds).toISOString().slice(0, 19) : "";
}
