/**
 * Where each entry lies in time: as its own clock said, or corrected by what the service found out about the hosts' clocks.
 */
import type { Entry } from "../../api/queries";

export type Times = {
  /** ns since the transaction's start, by index of the entry. */
  start: Float64Array;
  end: Float64Array;
  /** ns added to what the row's own clock said, by index of the entry; 0 for most, less where it is ahead. */
  shift: Float64Array;
  /** Of all: the earliest start and the latest end. */
  first: number;
  last: number;
  /** Largest correction by service. */
  corrected: ReadonlyMap<string, number>;
};

export function times(entries: readonly Entry[], correct: boolean): Times {
  const shift = new Float64Array(entries.length);
  const start = new Float64Array(entries.length);
  const end = new Float64Array(entries.length);
  const corrected = new Map<string, number>();
  let first = entries.length ? Number.POSITIVE_INFINITY : 0;
  let last = entries.length ? Number.NEGATIVE_INFINITY : 0;
  entries.forEach((entry, index) => {
    const moved = correct ? entry.correction_ns : 0;
    if (Math.abs(moved) > Math.abs(corrected.get(entry.service) ?? 0)) corrected.set(entry.service, moved);
    shift[index] = moved;
    start[index] = entry.offset_ns + moved;
    end[index] = (start[index] as number) + entry.duration_ns;
    first = Math.min(first, start[index] as number);
    last = Math.max(last, end[index] as number);
  });
  return { start, end, shift, first, last, corrected };
}
