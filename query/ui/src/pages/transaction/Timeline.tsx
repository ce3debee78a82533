import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Axis } from "./Axis";
import type { Segment } from "./criticalPath";
import { LaneRow } from "./LaneRow";
import { Minimap } from "./Minimap";
import { TimelineRow } from "./TimelineRow";
import "./timeline.css";
import type { Entry } from "../../api/queries";
import { oneLine } from "../../format/printable";
import { useNarrow } from "../../parts/useNarrow";
import { has } from "./filter";
import { causes, shown } from "./tree";
import type { ViewProps } from "./viewProps";

const ROW = 28;
const NARROW_ROW = 40;
const SHEET = 0.55;

/** Every row of the transaction in one tree, by cause or in lanes by service, on one axis of time. */
export function Timeline({ model, inView, change, select, selected, filter, find }: ViewProps & { find: string }) {
  const { entries, rows: tree, lanes, times, path } = model;
  const { depth, zoom } = inView;
  const narrow = useNarrow();
  const sheet = useNarrow("(max-width: 70rem)");
  const height = narrow ? NARROW_ROW : ROW;
  const list = useRef<HTMLDivElement>(null);
  const sticky = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState(false);
  const [folds, setFolds] = useState<ReadonlyMap<string, boolean>>(new Map());

  // A lane's name is no entry's key.
  const keys = useMemo(
    () => (lanes.length ? [...model.keys, ...lanes.map(({ service }) => `lane ${service}`)] : model.keys),
    [model.keys, lanes],
  );
  // A new depth begins anew.
  // biome-ignore lint/correctness/useExhaustiveDependencies: that is what it is for
  useEffect(() => setFolds(new Map()), [depth]);
  const folded = useCallback(
    (index: number) =>
      folds.get(keys[index] as string) ??
      (depth !== null && (tree.depth[index] as number) >= depth && hasBelow(tree.children, index)),
    [folds, keys, depth, tree],
  );
  const fold = useCallback(
    (index: number, to: boolean) => setFolds((before) => new Map(before).set(keys[index] as string, to)),
    [keys],
  );
  const { rows, context } = useMemo(
    () => shown(tree, folded, filter && ((index) => index < entries.length && filter(entries[index] as Entry))),
    [tree, entries, folded, filter],
  );
  const rowOf = useMemo(() => new Map(rows.map((index, row) => [index, row])), [rows]);

  const [margin, setMargin] = useState(0);
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const measure = () => {
      setMargin((list.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
      setTop(sticky.current?.offsetHeight ?? 0);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => height,
    overscan: 12,
    scrollMargin: margin,
    scrollPaddingStart: top + height,
    // Where there is no room beside, the detail covers the lower part (detail.css).
    scrollPaddingEnd: selected >= 0 && sheet ? window.innerHeight * SHEET + height : height * 2,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height are measured anew
  useEffect(() => virtual.measure(), [height]);

  // What is selected from elsewhere (verdict, find, an address) is unfolded and brought into view.
  useEffect(() => {
    if (selected < 0) return;
    const closed = causes(tree, selected).filter(folded);
    if (closed.length > 0) {
      setFolds((before) => {
        const next = new Map(before);
        for (const index of closed) next.set(keys[index] as string, false);
        return next;
      });
    }
  }, [selected, tree, keys, folded]);
  const selectedRow = rowOf.get(selected) ?? -1;
  const [active, setActive] = useState(-1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new selection scrolls, not a new list
  useEffect(() => {
    if (selectedRow < 0) return;
    setActive(selected);
    virtual.scrollToIndex(selectedRow, { align: "auto" });
  }, [selected, selectedRow >= 0, margin > 0]);

  const go = (row: number) => {
    const to = Math.max(0, Math.min(row, rows.length - 1));
    setActive(rows[to] ?? -1);
    virtual.scrollToIndex(to, { align: "auto" });
    // With the detail open, it follows.
    if (selected >= 0 && (rows[to] as number) < entries.length) select(rows[to] as number);
  };
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
    const row = rowOf.get(active) ?? -1;
    const below = active >= 0 && hasBelow(tree.children, active);
    switch (event.key) {
      case "ArrowDown":
        go(row + 1);
        break;
      case "ArrowUp":
        go(row < 0 ? 0 : row - 1);
        break;
      case "PageDown":
        go(row + 20);
        break;
      case "PageUp":
        go(row - 20);
        break;
      case "Home":
        go(0);
        break;
      case "End":
        go(rows.length - 1);
        break;
      case "ArrowRight":
        if (below && folded(active)) fold(active, false);
        else if (below) go(row + 1);
        break;
      case "ArrowLeft": {
        const parent = tree.parent[active] ?? null;
        if (below && !folded(active)) fold(active, true);
        else if (parent !== null && rowOf.has(parent)) go(rowOf.get(parent) as number);
        break;
      }
      case "Enter":
      case " ":
        if (active >= entries.length) fold(active, !folded(active));
        else if (active >= 0) select(active);
        break;
      case "Escape":
        change(selected >= 0 ? { row: "" } : { zoom: null });
        break;
      case "z": {
        const start = times.start[active] ?? 0;
        const end = times.end[active] ?? 0;
        if (active >= 0 && end > start) change({ zoom: [start, end] });
        break;
      }
      case "x":
        change({ zoom: null });
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  const whole: readonly [number, number] = [times.first, Math.max(times.last, times.first + 1)];
  const range = zoom ?? whole;
  const waits = useMemo(() => {
    const byIndex = new Map<number, Segment[]>();
    if (inView.path) for (const one of path) byIndex.set(one.index, [...(byIndex.get(one.index) ?? []), one]);
    return byIndex;
  }, [inView.path, path]);
  const evidence = model.answer.summary.verdict?.entry ?? -1;
  return (
    <section className={`timeline${narrow ? " narrow" : ""}`} aria-label="Timeline">
      <div className="timeline-top" ref={sticky}>
        <Minimap model={model} whole={whole} zoom={zoom} change={change} />
        <Axis range={range} whole={whole} zoomed={zoom !== null} change={change} />
      </div>
      {rows.length === 0 && (
        <p role="status" className="nothing">
          No row passes these filters. Show all rows, or choose others.
        </p>
      )}
      <div
        ref={list}
        role="tree"
        aria-label="Spans, proxies' records and log lines"
        aria-activedescendant={focused && rowOf.has(active) ? `row-${active}` : undefined}
        tabIndex={0}
        className="rows"
        style={{ height: virtual.getTotalSize() }}
        onKeyDown={press}
        onFocus={() => {
          setFocused(true);
          if (!rowOf.has(active)) setActive(rows[0] ?? -1);
        }}
        onBlur={() => setFocused(false)}
      >
        {virtual.getVirtualItems().map((item) => {
          const index = rows[item.index] as number;
          const lane = lanes[index - entries.length];
          const where = {
            top: item.start - margin,
            height,
            range,
            folded: folded(index),
            onFold: fold,
            active: focused && index === active,
            position: item.index + 1,
            size: rows.length,
          };
          if (lane) return <LaneRow key={keys[index]} model={model} lane={lane} index={index} {...where} />;
          return (
            <TimelineRow
              key={keys[index]}
              model={model}
              index={index}
              {...where}
              onSelect={select}
              selected={index === selected}
              faint={context.has(index)}
              found={find !== "" && has(entries[index] as never, find)}
              evidence={index === evidence}
              waits={waits.get(index)}
            />
          );
        })}
      </div>
      <Legend waits={inView.path} />
      <p className="visually-hidden" aria-live="polite">
        {selected >= 0 ? `Selected: ${oneLine((entries[selected] as { service: string }).service)}` : ""}
      </p>
    </section>
  );
}

function hasBelow(children: readonly (readonly number[])[], index: number): boolean {
  return (children[index]?.length ?? 0) > 0;
}

function Legend({ waits }: { waits: boolean }) {
  return (
    <p className="legend quiet">
      <span>
        <i className="sample span" aria-hidden /> span
      </span>
      <span>
        <i className="sample access_log" aria-hidden /> proxy's access log
      </span>
      <span>
        <i className="sample attempt" aria-hidden /> attempt
      </span>
      <span>
        <i className="sample log" aria-hidden /> log line
      </span>
      {waits && (
        <span>
          <i className="sample waits" aria-hidden /> the request waited for this
        </span>
      )}
      <span className="keys">
        <kbd>↑</kbd>
        <kbd>↓</kbd> rows · <kbd>←</kbd>
        <kbd>→</kbd> fold · <kbd>Enter</kbd> detail · <kbd>/</kbd> find · <kbd>n</kbd>
        <kbd>N</kbd> matches · <kbd>e</kbd> next error · <kbd>z</kbd>
        <kbd>x</kbd> zoom
      </span>
    </p>
  );
}
