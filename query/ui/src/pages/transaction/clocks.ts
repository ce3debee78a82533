/**
 * Where each entry lies in time. Clocks of hosts disagree; a row that begins before the one that caused it, in another
 * service, shows by how much at least. Corrected, such a service's rows are moved to where they fit. That is inferred.
 */
import type { Entry } from "../../api/queries";
import type { Tree } from "./tree";
import { proxyRole } from "./words";

export type Times = {
  /** ns since the transaction's first entry, by index of the entry. */
  start: Float64Array;
  end: Float64Array;
  /** ns added to what the row's own clock said, by index of the entry; 0 for most. */
  shift: Float64Array;
  /** Of all: the earliest start and the latest end. */
  first: number;
  last: number;
  /** Largest correction by service. */
  corrected: ReadonlyMap<string, number>;
};

export function times(entries: readonly Entry[], tree: Tree, correct: boolean): Times {
  const shift = new Float64Array(entries.length);
  const start = new Float64Array(entries.length);
  const end = new Float64Array(entries.length);
  const corrected = new Map<string, number>();
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const index of tree.order) {
    const entry = entries[index] as Entry;
    if (correct && entry.parent !== null) {
      const cause = entries[entry.parent] as Entry;
      let moved = shift[entry.parent] as number;
      if (cause.service !== entry.service) {
        // Another host, another clock: nothing of the cause's correction holds here.
        const from = start[entry.parent] as number;
        const spare = (end[entry.parent] as number) - from - entry.duration_ns;
        moved = entry.offset_ns < from ? from - entry.offset_ns + Math.max(spare / 2, 0) : 0;
        if (moved > 0) corrected.set(entry.service, Math.max(corrected.get(entry.service) ?? 0, moved));
      }
      shift[index] = Math.round(moved);
    }
    start[index] = entry.offset_ns + (shift[index] as number);
    end[index] = (start[index] as number) + entry.duration_ns;
    first = Math.min(first, start[index] as number);
    last = Math.max(last, end[index] as number);
  }
  if (first > last) return { start, end, shift, first: 0, last: 0, corrected };
  return { start, end, shift, first, last, corrected };
}

/** Whether the entry says again what its cause says: a proxy's access log or attempt beside that proxy's own span. */
export function repeats(entry: Entry, cause: Entry | undefined): boolean {
  if (!cause || (entry.kind !== "access_log" && entry.kind !== "attempt")) return false;
  if (cause.service !== entry.service || proxyRole(cause) !== proxyRole(entry)) return false;
  const sent = cause.kind === "span" ? cause.span_id : cause.kind === "access_log" ? cause.upstream_span_id : "";
  return (
    cause.span_id !== "" &&
    (entry.span_id === cause.span_id || (entry.upstream_span_id !== "" && entry.upstream_span_id === sent))
  );
}
