/** What the request was waiting for, at every moment from its beginning to its end, as the service found it. Pure. */
import type { Piece, Share, Transaction } from "../../api/queries";

/** The request waited for this entry itself, not for anything that it caused. Times as in `Times`. */
export type Segment = { index: number; start: number; end: number; place: Place; inferred: boolean };
export type Place = Share["place"];
export const PLACE_NAMES: Record<Place, string> = {
  service: "in the service",
  proxy: "in its proxy",
  queue: "in its proxy, waiting for a connection",
  network: "network and connecting",
  waiting: "waiting for something that recorded nothing",
};

/** The path on the clocks that are shown: with clocks as recorded, each piece is where its own row's clock had it. */
export function criticalPath({ critical_path, entries }: Transaction, correct: boolean): Segment[] {
  return critical_path.map(({ entry, start_ns, end_ns, place, inferred }: Piece) => {
    const moved = correct ? 0 : (entries[entry]?.correction_ns ?? 0);
    return { index: entry, start: start_ns - moved, end: end_ns - moved, place, inferred };
  });
}
