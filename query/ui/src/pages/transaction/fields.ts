/** What a record has besides its place, its text and its attributes, in words to read. Pure. */
import type { Entry } from "../../api/queries";
import { duration } from "../../format/duration";

const ELSEWHERE = new Set([
  "kind", "time_unix_nano", "offset_ns", "duration_ns", "depth", "parent", "parent_by", "error", "attributes", "resource",
  "events", "links", "body", "span_id", "response_flags_text",
]); // biome-ignore format: a list

/** The fields that say something, durations with their unit. */
export function fieldsOf(entry: Entry): [string, string][] {
  const found: [string, string][] = [];
  for (const [name, value] of Object.entries(entry)) {
    if (ELSEWHERE.has(name) || value === "" || value === 0 || value === null) continue;
    if (Array.isArray(value)) {
      if (value.length > 0) found.push([name, value.join(", ")]);
    } else if (/^time_to_|_duration$/.test(name)) found.push([name, duration(Number(value))]);
    else found.push([name, String(value)]);
  }
  return found;
}
