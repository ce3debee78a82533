import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Change, ComparedRow } from "../../api/queries";
import { duration } from "../../format/duration";
import { oneLine } from "../../format/printable";
import { useNarrow } from "../../parts/useNarrow";
import { proxyWords } from "../transaction/words";

const ROW = 28;
const NARROW_ROW = 46;
const DEEPEST_INDENT = 14;
/** A sign and a word for each; B against A. */
const CHANGES: Record<Change, readonly [string, string]> = {
  only_a: ["−", "only A"],
  only_b: ["+", "only B"],
  failed_in_a: ["✓", "failed in A"],
  failed_in_b: ["✗", "failed in B"],
  outcome: ["≠", "outcome"],
  slower: ["▲", "slower"],
  faster: ["▼", "faster"],
  count: ["#", "how often"],
  same: ["", ""],
};

/** A line for each row of either transaction, with what it was in A and in B. */
export function Differences({ rows }: { rows: readonly ComparedRow[] }) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [margin, setMargin] = useState(0);
  const height = useNarrow() ? NARROW_ROW : ROW;
  useLayoutEffect(() => {
    const measure = () => setMargin((body.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => height,
    overscan: 15,
    scrollMargin: margin,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height are measured anew
  useEffect(() => virtual.measure(), [height]);
  const items = virtual.getVirtualItems();
  const above = (items[0]?.start ?? margin) - margin;
  const below = virtual.getTotalSize() - ((items.at(-1)?.end ?? margin) - margin);
  return (
    <div className="scrolls">
      <table className="differences" aria-rowcount={rows.length + 1}>
        <caption className="visually-hidden">Rows of both</caption>
        <thead>
          <tr>
            <th scope="col">row</th>
            <th scope="col">difference</th>
            <th scope="col" className="number">
              A
            </th>
            <th scope="col" className="number">
              B
            </th>
            <th scope="col" className="number">
              B − A
            </th>
          </tr>
        </thead>
        <tbody ref={body}>
          {above > 0 && (
            <tr aria-hidden style={{ height: above }}>
              <td colSpan={5} />
            </tr>
          )}
          {items.map((item) => {
            const { depth, service, proxy_role, name, a, b, change } = rows[item.index] as ComparedRow;
            const [sign, says] = CHANGES[change];
            return (
              <tr
                key={item.index}
                aria-rowindex={item.index + 2}
                className={`${change.replaceAll("_", "-")}${b.errors > 0 ? " fails" : ""}`}
                style={{ height }}
              >
                <th scope="row" style={{ "--depth": Math.min(depth, DEEPEST_INDENT) } as CSSProperties}>
                  <bdi className="quiet">{oneLine(service)}</bdi>{" "}
                  {proxy_role && <span className="quiet">{proxyWords(proxy_role, service)} </span>}
                  <bdi>{oneLine(name)}</bdi>
                </th>
                <td className="change">
                  {sign} {says}
                </td>
                <Cell side={a} />
                <Cell side={b} />
                <td className="number">
                  {a.count && b.count && a.duration_ns + b.duration_ns > 0 ? signed(b.duration_ns - a.duration_ns) : ""}
                </td>
              </tr>
            );
          })}
          {below > 0 && (
            <tr aria-hidden style={{ height: below }}>
              <td colSpan={5} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ side }: { side: ComparedRow["a"] }) {
  if (side.count === 0) return <td className="number quiet">–</td>;
  return (
    <td className="number">
      {side.outcomes.length > 0 && (
        <span className={side.errors ? "bad" : "quiet"}>{oneLine(side.outcomes.join(" / "))} </span>
      )}
      {side.duration_ns > 0 && duration(side.duration_ns)}
      {side.count > 1 && <span className="quiet"> ×{side.count}</span>}
      {side.outcomes.length === 0 && side.errors > 0 && <span className="bad"> failed</span>}
      {side.duration_ns === 0 && side.count === 1 && side.errors === 0 && side.outcomes.length === 0 && (
        <span className="quiet">there</span>
      )}
    </td>
  );
}

function signed(nanoseconds: number): string {
  return `${nanoseconds > 0 ? "+" : "−"}${duration(Math.abs(nanoseconds))}`;
}
