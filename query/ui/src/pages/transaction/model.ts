/** All that the views of one transaction derive from its entries, once per answer. */
import { useMemo } from "react";
import type { Entry, Transaction } from "../../api/queries";
import { type AttemptIndex, indexAttempts } from "./attemptIndex";
import { type Times, times } from "./clocks";
import { criticalPath, type Segment } from "./criticalPath";
import { selfTimes } from "./figures";
import { grow, type Tree } from "./tree";
import { keys } from "./words";

export type Model = {
  answer: Transaction;
  entries: readonly Entry[];
  tree: Tree;
  times: Times;
  /** Address keys by index, and back. */
  keys: readonly string[];
  indexOf: ReadonlyMap<string, number>;
  /** CSS colour by service. */
  colours: ReadonlyMap<string, string>;
  attempts: AttemptIndex;
  path: readonly Segment[];
  self: Float64Array;
  /** Clocks disagree visibly: a correction would move something. */
  skewed: boolean;
};

const LANES = 8;

export function useModel(answer: Transaction, correct: boolean): Model {
  const { entries } = answer;
  const fixed = useMemo(() => {
    const tree = grow(entries);
    const names = keys(entries);
    return {
      tree,
      keys: names,
      indexOf: new Map(names.map((key, index) => [key, index])),
      colours: new Map(answer.summary.services.map((service, at) => [service, `var(--lane-${at % LANES})`])),
      attempts: indexAttempts(entries),
      skewed: times(entries, tree, true).corrected.size > 0,
    };
  }, [entries, answer]);
  return useMemo(() => {
    const at = times(entries, fixed.tree, correct);
    return {
      answer,
      entries,
      ...fixed,
      times: at,
      path: criticalPath(entries, fixed.tree, at),
      self: selfTimes(entries, fixed.tree, at),
    };
  }, [answer, entries, fixed, correct]);
}
