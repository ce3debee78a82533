/** All that the views of one transaction derive from its entries, once per answer. */
import { useMemo } from "react";
import type { Entry, Transaction } from "../../api/queries";
import { type AttemptIndex, indexAttempts } from "./attemptIndex";
import { type Times, times } from "./clocks";
import { criticalPath, type Segment } from "./criticalPath";
import { intoLanes, type Lane } from "./lanes";
import { grow, type Tree } from "./tree";
import { keys } from "./words";

export type Model = {
  answer: Transaction;
  entries: readonly Entry[];
  /** By cause. */
  tree: Tree;
  /** As the timeline's rows stand: by cause, or below `lanes`, whose indices follow the entries'. */
  rows: Tree;
  lanes: readonly Lane[];
  times: Times;
  /** Address keys by index, and back. */
  keys: readonly string[];
  indexOf: ReadonlyMap<string, number>;
  /** CSS colour by service. */
  colours: ReadonlyMap<string, string>;
  attempts: AttemptIndex;
  path: readonly Segment[];
  /** By index, 1 where a failure has no other below it: it began there. */
  innermost: Uint8Array;
  /** Clocks disagree visibly: a correction would move something. */
  skewed: boolean;
};

const LANES = 8;

function innermost(entries: readonly Entry[], tree: Tree): Uint8Array {
  const failing = new Uint8Array(entries.length);
  const below = new Uint8Array(entries.length);
  for (let at = tree.order.length - 1; at >= 0; at--) {
    const index = tree.order[at] as number;
    const entry = entries[index] as Entry;
    failing[index] = entry.error && !below[index] ? 1 : 0;
    // A line about a failure is not where it began, nor is a second record of the same request.
    const tells = entry.error && entry.kind !== "log" && !entry.repeats;
    if (entry.parent !== null && (tells || below[index])) below[entry.parent] = 1;
  }
  // A record that repeats its cause failed where that did.
  for (const index of tree.order) {
    const { parent, repeats } = entries[index] as Entry;
    if (failing[index] && parent !== null && repeats) {
      failing[index] = failing[parent] as number;
    }
  }
  return failing;
}

/** `correct`: by corrected clocks; `inLanes`: rows by service. */
export function useModel(answer: Transaction, { correct, inLanes }: { correct: boolean; inLanes: boolean }): Model {
  const { entries } = answer;
  const fixed = useMemo(() => {
    const tree = grow(entries.map(({ parent }) => parent));
    const names = keys(entries);
    return {
      tree,
      keys: names,
      indexOf: new Map(names.map((key, index) => [key, index])),
      colours: new Map(answer.summary.services.map((service, at) => [service, `var(--lane-${at % LANES})`])),
      attempts: indexAttempts(entries),
      innermost: innermost(entries, tree),
      skewed: entries.some((entry) => entry.correction_ns !== 0),
    };
  }, [entries, answer]);
  const placed = useMemo(
    () => ({ times: times(entries, correct), path: criticalPath(answer, correct) }),
    [answer, entries, correct],
  );
  return useMemo(() => {
    const { tree: rows, lanes } = inLanes
      ? intoLanes(entries, answer.summary.services)
      : { tree: fixed.tree, lanes: [] };
    return { answer, entries, ...fixed, ...placed, rows, lanes };
  }, [answer, entries, fixed, placed, inLanes]);
}
