import type { Hit } from "../../api/queries";

/** What was asked for later is right where both have a transaction. */
export function merged(fresh: readonly Hit[], hits: readonly Hit[]): Hit[] {
  const known = new Set(fresh.map((hit) => hit.transaction_id));
  return [...fresh, ...hits.filter((hit) => !known.has(hit.transaction_id))].sort((a, b) => {
    const [first, second] = [BigInt(a.start_unix_nano), BigInt(b.start_unix_nano)];
    return first < second ? 1 : first > second ? -1 : 0;
  });
}
