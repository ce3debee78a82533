/** One entry of a timeline in words: who, what, and what came of it. Pure. */
import type { Entry } from "../../api/queries";
import { oneLine } from "../../format/printable";

export const KINDS = ["span", "access_log", "attempt", "log"] as const;
export type Kind = (typeof KINDS)[number];
export const KIND_NAMES: Record<Kind, string> = {
  span: "span",
  access_log: "proxy's access log",
  attempt: "proxy's attempt",
  log: "log line",
};

export const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type Level = (typeof LEVELS)[number];

/** A log line's level by OpenTelemetry's number, else by its text; undefined where neither says. */
export function levelOf(number: number, text: string): Level | undefined {
  if (number >= 1 && number <= 24) return LEVELS[Math.floor((number - 1) / 4)];
  const name = text.toLowerCase();
  if (name === "critical") return "fatal";
  return LEVELS.find((level) => name.startsWith(level));
}

const PROXY_ROLE = "weftline.proxy.role";
const SHORT_ROLES: Record<string, string> = { "sidecar-inbound": "inbound", "sidecar-outbound": "outbound" };

/** Role of the proxy that wrote the entry, also where it is a span that the proxy made; "" for applications. */
function proxyRole(entry: Entry): string {
  if (entry.kind === "access_log" || entry.kind === "attempt") return entry.proxy_role || "proxy";
  return entry.resource[PROXY_ROLE] ?? entry.attributes[PROXY_ROLE] ?? "";
}

export type Words = {
  /** "cart" or "edge". */
  service: string;
  /** "outbound proxy", "gateway proxy"; "" for an application. */
  proxy: string;
  /** Span's name, request line, or first line of the log. */
  text: string;
  /** The answer's status: null where there is none to speak of, 0 where the client left. */
  code: number | null;
  flags: string;
  flagsText: string;
  /** What else matters at a glance: attempts, target, status message. */
  note: string;
  level: Level | undefined;
};

/** "outbound proxy", "proxy" where the service's name says the rest, "" for an application. */
export function proxyWords(role: string, service: string): string {
  const short = SHORT_ROLES[role] ?? role;
  return role === "" ? "" : short === service || short === "proxy" ? "proxy" : `${short} proxy`;
}

export function words(entry: Entry): Words {
  const proxy = proxyWords(proxyRole(entry), entry.service);
  const plain = { service: oneLine(entry.service) || "?", proxy, flags: "", flagsText: "", level: undefined };
  switch (entry.kind) {
    case "access_log":
      return {
        ...plain,
        text: oneLine(`${entry.method} ${entry.path}`) || "connection",
        code: entry.response_code,
        flags: oneLine(entry.response_flags),
        flagsText: oneLine(entry.response_flags_text),
        note: [
          entry.upstream_attempts > 1 ? `${entry.upstream_attempts} attempts` : "",
          entry.upstream_cluster && entry.proxy_role !== "sidecar-inbound"
            ? `to ${oneLine(entry.upstream_cluster)}`
            : "",
        ]
          .filter(Boolean)
          .join(" · "),
      };
    case "attempt":
      return {
        ...plain,
        text: entry.upstream_attempts > 0 ? `attempt ${entry.upstream_attempts}` : "attempt",
        code: entry.response_code,
        flags: oneLine(entry.response_flags),
        flagsText: oneLine(entry.response_flags_text),
        note: entry.upstream_host ? `to ${oneLine(entry.upstream_host)}` : "",
      };
    case "span": {
      const status = entry.attributes["http.response.status_code"] ?? entry.attributes["http.status_code"] ?? "";
      return {
        ...plain,
        text: oneLine(entry.name) || "(no name)",
        code: /^\d{1,3}$/.test(status) ? Number(status) : null,
        note: entry.status === "error" ? oneLine(entry.status_message) : "",
      };
    }
    case "log":
      return {
        ...plain,
        text: oneLine(entry.body) || oneLine(entry.event_name) || "(empty line)",
        code: null,
        note: "",
        level: levelOf(entry.severity_number, entry.severity_text),
      };
  }
}

/** What a row shows by its shape and colour, for those who can't see it. */
export function described(entry: Entry): string {
  const { code, flagsText } = words(entry);
  return [KIND_NAMES[entry.kind], entry.error ? "error" : "", code === 0 ? "no response" : "", flagsText]
    .filter(Boolean)
    .join(", ");
}

/** A name for each entry that stays when later rows arrive, for addresses: `s.7b0caea42d2c8323`. */
export function keys(entries: readonly Entry[]): string[] {
  const seen = new Map<string, number>();
  return entries.map((entry) => {
    const key =
      entry.kind === "span"
        ? `s.${entry.span_id}`
        : entry.kind === "log"
          ? `l.${entry.time_unix_nano}`
          : `${entry.kind === "attempt" ? "t" : "a"}.${entry.span_id || entry.upstream_span_id || entry.time_unix_nano}`;
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    return before ? `${key}.${before}` : key;
  });
}
