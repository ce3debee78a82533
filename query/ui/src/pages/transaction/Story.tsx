import { useCallback, useDeferredValue, useLayoutEffect, useMemo } from "react";
import type { Transaction } from "../../api/queries";
import type { Following } from "../../api/useFollowed";
import { Trouble } from "../../parts/Trouble";
import type { InView } from "./address";
import { Detail } from "./Detail";
import { Filters } from "./Filters";
import { FlameGraph } from "./FlameGraph";
import { filterOf, has } from "./filter";
import { Head } from "./Head";
import { Logs } from "./Logs";
import { useModel } from "./model";
import { Spans } from "./Spans";
import { Statistics } from "./Statistics";
import { Timeline } from "./Timeline";
import { TimeSplit } from "./TimeSplit";
import { useInView } from "./useInView";
import { Views } from "./Views";

type Props = {
  asked: string;
  answer: Transaction;
  following: Following;
  setFollow: (follow: boolean) => void;
  trouble: Error | null;
  refresh: () => void;
  refreshing: boolean;
};

/** A transaction that has been read: what came of it, and every view of its rows. */
export function Story({ asked, answer, following, setFollow, trouble, refresh, refreshing }: Props) {
  const [inView, change] = useInView();
  const model = useModel(answer, {
    correct: inView.clock === "corrected",
    inLanes: inView.lanes && inView.view === "timeline",
  });
  const { entries, rows, indexOf, keys } = model;
  const order = useMemo(() => rows.order.filter((index) => index < entries.length), [rows, entries]);
  const find = useDeferredValue(inView.find);
  const { services, kinds, level, errors, only } = inView;
  const filter = useMemo(
    () => filterOf({ services, kinds, level, errors, only, find }),
    [services, kinds, level, errors, only, find],
  );
  const matches = useMemo(
    () =>
      find
        ? order.filter((index) => has(entries[index] as never, find) && (!filter || filter(entries[index] as never)))
        : [],
    [entries, order, find, filter],
  );
  const selected = inView.row ? (indexOf.get(inView.row) ?? -1) : -1;
  const select = useCallback(
    (index: number, more: Partial<InView> = {}) => change({ row: keys[index] ?? "", ...more }),
    [change, keys],
  );
  /** To the next of some rows in the order in which they stand, around the end. */
  const step = useCallback(
    (those: readonly number[], forward: boolean) => {
      if (those.length === 0) return;
      const from = selected < 0 ? (forward ? -1 : rows.order.length) : (rows.place[selected] as number);
      const places = those.map((index) => rows.place[index] as number);
      const next = forward ? places.findIndex((place) => place > from) : places.findLastIndex((place) => place < from);
      const at = next >= 0 ? next : forward ? 0 : those.length - 1;
      select(those[at] as number);
    },
    [selected, rows, select],
  );
  const failures = useMemo(() => order.filter((index) => entries[index]?.error), [order, entries]);

  // Before the new matches can be seen: a key pressed at their sight is for them.
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (event.key === "/") document.getElementById("find")?.focus();
      else if (event.key === "n") step(matches, true);
      else if (event.key === "N") step(matches, false);
      else if (event.key === "e") step(failures, true);
      else if (event.key === "E") step(failures, false);
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [step, matches, failures]);

  const parts = { model, inView, change, select, selected, filter };
  return (
    <div className="story">
      <title>{`${answer.summary.root || answer.transaction_id} · weftline`}</title>
      <Head asked={asked} model={model} select={select} refresh={refresh} refreshing={refreshing} />
      {trouble && <Trouble error={trouble} retry={refresh} />}
      <Views view={inView.view} change={change} model={model} />
      <Filters {...parts} matches={matches} looking={find !== inView.find} failures={failures} step={step} />
      <div className={selected >= 0 ? "with-detail" : ""}>
        <div className="view" id="view" role="tabpanel" aria-labelledby={`tab-${inView.view}`}>
          {entries.length === 0 ? (
            <p role="status">This transaction has no rows yet. They may be on their way: load it again.</p>
          ) : inView.view === "logs" ? (
            <Logs {...parts} following={following} setFollow={setFollow} />
          ) : inView.view === "spans" ? (
            <Spans {...parts} />
          ) : inView.view === "flame" ? (
            <FlameGraph {...parts} />
          ) : inView.view === "statistics" ? (
            <Statistics {...parts} />
          ) : inView.view === "time" ? (
            <TimeSplit {...parts} />
          ) : (
            <Timeline {...parts} find={find} />
          )}
        </div>
        {selected >= 0 && (
          <Detail
            key={keys[selected]}
            model={model}
            index={selected}
            select={select}
            close={() => change({ row: "" })}
          />
        )}
      </div>
    </div>
  );
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;
}
