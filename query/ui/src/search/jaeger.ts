/**
 * What Jaeger's addresses of its search page ask for (`/search?service=…&tags=…`), in our language: links in runbooks
 * and dashboards keep working. Jaeger looks for one span that satisfies everything, so the terms stand side by side.
 */
import { attribute, term } from "./term";

const NAMES = [
  "service",
  "operation",
  "tags",
  "tag",
  "minDuration",
  "maxDuration",
  "start",
  "end",
  "lookback",
  "traceID",
];
const UNITS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** The parameters of our search page; null where these aren't Jaeger's. */
export function fromJaeger(parameters: URLSearchParams): URLSearchParams | null {
  if (parameters.has("q") || !NAMES.some((name) => parameters.has(name))) return null;
  const ours = new URLSearchParams();
  const q = question(parameters);
  if (q) ours.set("q", q);
  for (const [name, value] of Object.entries(times(parameters))) ours.set(name, value);
  const limit = Number(parameters.get("limit"));
  if (Number.isInteger(limit) && limit >= 1) ours.set("limit", String(Math.min(limit, 1000)));
  return ours;
}

function question(parameters: URLSearchParams): string {
  const ids = parameters.getAll("traceID").filter((id) => id !== "");
  if (ids.length > 0) return ids.map((id) => term("id", "=", id)).join(" or ");
  const of = (name: string) => parameters.get(name) ?? "";
  const terms: string[] = [];
  if (of("service")) terms.push(term("service", "=", of("service")));
  if (of("operation") && of("operation") !== "all") terms.push(term("name", "=", of("operation")));
  for (const [name, value] of tags(parameters)) terms.push(tag(name, value));
  const least = duration(of("minDuration"));
  const most = duration(of("maxDuration"));
  if (least) terms.push(`duration>=${least}`);
  if (most) terms.push(`duration<=${most}`);
  return terms.join(" ");
}

/** `tags` is a JSON object; `tag` is `name:value` and may be repeated. What is neither is left out. */
function tags(parameters: URLSearchParams): [string, string][] {
  const found: [string, string][] = parameters.getAll("tag").flatMap((one) => {
    const at = one.indexOf(":");
    return at > 0 ? [[one.slice(0, at), one.slice(at + 1)]] : [];
  });
  try {
    const object: unknown = JSON.parse(parameters.get("tags") ?? "{}");
    if (object && typeof object === "object") {
      for (const [name, value] of Object.entries(object)) found.push([name, String(value)]);
    }
  } catch {
    // Jaeger's own page shows such a link as one without tags.
  }
  return found;
}

function tag(name: string, value: string): string {
  if (name === "error") return value === "true" ? "status=error" : "status!=error";
  if (name === "span.kind") return term("kind", "=", value.toLowerCase());
  if (name === "span.status") return term("status", "=", value.toLowerCase());
  return term(attribute(name), "=", value);
}

/** Go's durations ("1m30s", "1.5s") in the one unit that all of it fits; "" where it is none. */
function duration(text: string): string {
  const given = text.replaceAll(" ", "");
  const found = [...given.matchAll(/(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)];
  if (found.length === 0 || found.map(([part]) => part).join("") !== given) return "";
  if (found.length === 1) return given.replace("μ", "µ");
  const nanoseconds = found.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ""] ?? 0), 0);
  return `${Math.round(nanoseconds)}ns`;
}

/** Jaeger's links have both a fixed time and how far it went back; the fixed time is what was looked at. */
function times(parameters: URLSearchParams): { since?: string; until?: string } {
  const start = seconds(parameters.get("start"));
  const end = seconds(parameters.get("end"));
  if (start) return { since: start, ...(end && { until: end }) };
  const lookback = parameters.get("lookback") ?? "";
  return /^\d+[smhdw]$/.test(lookback) ? { since: lookback } : {};
}

/** Microseconds since the epoch as Unix seconds. */
function seconds(micro: string | null): string {
  if (!micro || !/^\d{7,16}$/.test(micro)) return "";
  const text = micro.padStart(7, "0");
  return `${text.slice(0, -6)}.${text.slice(-6)}`;
}
