import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useNarrow } from "../../parts/useNarrow";
import "./table.css";

export type Column<Row> = {
  name: string;
  /** Orders the rows; numbers begin with the largest. */
  value: (row: Row) => number | string;
  /** What stands in the cell; the value without it. */
  show?: (row: Row) => ReactNode;
  /** There is no room for it on a phone. */
  wideOnly?: boolean;
};

type Props<Row> = {
  caption: string;
  /** The class whose style says where on a phone each column stands: in the grid's area of its name. */
  layout: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** "name" or "-name" of a column: ascending or descending; "" leaves the rows as they come. */
  sort: string;
  onSort: (sort: string) => void;
  onOpen: (row: Row) => void;
  isSelected: (row: Row) => boolean;
};

const ROW = 30;
const NARROW_ROW = 48;

/** A table that can be sorted by each column; only the rows in view exist. The first cell opens its row. */
export function Table<Row>({ caption, layout, columns, rows, keyOf, sort, onSort, onOpen, isSelected }: Props<Row>) {
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
  const descending = sort.startsWith("-");
  const by = columns.find(({ name }) => name === sort.replace(/^-/, ""));
  const sorted = useMemo(() => {
    if (!by) return rows;
    const sign = descending ? -1 : 1;
    return rows
      .map((row) => [by.value(row), row] as const)
      .sort(
        ([a], [b]) =>
          sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b))),
      )
      .map(([, row]) => row);
  }, [rows, by, descending]);
  const virtual = useWindowVirtualizer({
    count: sorted.length,
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
      <table className={`sortable ${layout}`} aria-rowcount={sorted.length + 1}>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => {
              const number = rows[0] !== undefined && typeof column.value(rows[0]) === "number";
              const now = by === column ? (descending ? "descending" : "ascending") : undefined;
              return (
                <th
                  key={column.name}
                  scope="col"
                  aria-sort={now ?? "none"}
                  className={classOf(column, number)}
                  style={{ gridArea: column.name }}
                >
                  <button
                    type="button"
                    onClick={() =>
                      onSort(
                        now === undefined
                          ? `${number ? "-" : ""}${column.name}`
                          : now === "descending"
                            ? column.name
                            : `-${column.name}`,
                      )
                    }
                  >
                    {column.name} <span aria-hidden>{now === "descending" ? "↓" : now === "ascending" ? "↑" : ""}</span>
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody ref={body}>
          {above > 0 && (
            <tr aria-hidden style={{ height: above }}>
              <td colSpan={columns.length} />
            </tr>
          )}
          {items.map((item) => {
            const row = sorted[item.index] as Row;
            return (
              <tr
                key={keyOf(row)}
                aria-rowindex={item.index + 2}
                className={isSelected(row) ? "selected" : ""}
                style={{ height }}
              >
                {columns.map((column, number) => {
                  const value = column.value(row);
                  const text = column.show ? column.show(row) : value;
                  return (
                    <td
                      key={column.name}
                      className={classOf(column, typeof value === "number")}
                      style={{ gridArea: column.name }}
                    >
                      {number === 0 ? (
                        <button type="button" className="link" onClick={() => onOpen(row)}>
                          {text}
                        </button>
                      ) : (
                        text
                      )}
                    </td>
                  );
                })}
              </tr>
            );
          })}
          {below > 0 && (
            <tr aria-hidden style={{ height: below }}>
              <td colSpan={columns.length} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

function classOf({ wideOnly }: { wideOnly?: boolean }, number: boolean): string {
  return [number && "number", wideOnly && "wide-only"].filter(Boolean).join(" ");
}
