/** Failures that look alike, as one: the same endpoint, answered the same way, for the same reason. Pure. */
import type { Hit, MeshEvent } from "../../api/queries";
import { endpoint } from "../../search/endpoint";

export type Group = {
  key: string;
  endpoint: string;
  /** Whether no request of the group had a query string. */
  exact: boolean;
  code: number | null;
  /** Where it began and why, in words; "" where no proxy has a reason of its own. */
  reason: string;
  flags: readonly string[];
  count: number;
  newest: Hit;
};

/** Groups of `hits` (newest first), in the order of their newest. `events` give the reasons, as far as they are of these. */
export function failureGroups(hits: readonly Hit[], events: readonly MeshEvent[]): Group[] {
  const reasons = reasonsByTransaction(events);
  const groups = new Map<string, Group>();
  for (const hit of hits) {
    const reason = reasons.get(hit.transaction_id) ?? "";
    const flags = [...hit.response_flags].sort();
    const name = endpoint(hit.root);
    const key = JSON.stringify([name, hit.response_code, reason || flags]);
    const group = groups.get(key);
    const exact = name === hit.root;
    if (group) {
      group.count += 1;
      group.exact &&= exact;
    } else {
      groups.set(key, { key, endpoint: name, exact, code: hit.response_code, reason, flags, count: 1, newest: hit });
    }
  }
  return [...groups.values()];
}

/** The event where each transaction's failure began; a retry, or one that followed, only where nothing worse is known. */
function reasonsByTransaction(events: readonly MeshEvent[]): Map<string, string> {
  const found = new Map<string, MeshEvent>();
  for (const event of events) {
    const known = found.get(event.transaction_id);
    if (event.transaction_id !== "" && (!known || weight(event) > weight(known)))
      found.set(event.transaction_id, event);
  }
  return new Map([...found].map(([id, event]) => [id, `${event.proxy}: ${event.text}`]));
}

function weight(event: MeshEvent): number {
  return (event.began ? 0 : 2) + (event.kind === "retry" ? 0 : 1);
}
