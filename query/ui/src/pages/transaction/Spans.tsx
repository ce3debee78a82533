import { useMemo } from "react";
import { duration } from "../../format/duration";
import { Outcome } from "./Outcome";
import { Service } from "./Service";
import { type Column, Table } from "./Table";
import type { ViewProps } from "./viewProps";
import { KIND_NAMES, words } from "./words";

/** What took time, as a table: spans and proxies' records. */
export function Spans({ model, inView, change, select, selected, filter }: ViewProps) {
  const { entries, times, keys } = model;
  const rows = useMemo(
    () => entries.flatMap((entry, index) => (entry.kind !== "log" && (!filter || filter(entry)) ? [index] : [])),
    [entries, filter],
  );
  const columns = useMemo<Column<number>[]>(() => {
    const of = (index: number) => entries[index] as (typeof entries)[number];
    return [
      { name: "name", value: (index) => words(of(index)).text, show: (index) => <bdi>{words(of(index)).text}</bdi> },
      {
        name: "service",
        value: (index) => of(index).service,
        show: (index) => <Service name={of(index).service} model={model} />,
      },
      { name: "proxy", value: (index) => words(of(index)).proxy },
      { name: "kind", value: (index) => KIND_NAMES[of(index).kind], wideOnly: true },
      {
        name: "start",
        value: (index) => times.start[index] as number,
        show: (index) => duration(times.start[index] as number),
      },
      { name: "duration", value: (index) => of(index).duration_ns, show: (index) => duration(of(index).duration_ns) },
      {
        name: "self",
        value: (index) => entries[index]?.self_ns ?? 0,
        show: (index) => (entries[index]?.self_ns ? duration(entries[index].self_ns) : "–"),
      },
      {
        name: "answer",
        value: (index) => words(of(index)).code ?? -1,
        show: (index) => {
          const { code, flags, flagsText } = words(of(index));
          return (
            <>
              <Outcome code={code} flags={flags} flagsText={flagsText} />
              {of(index).error && code === null && <span className="code failed">error</span>}
            </>
          );
        },
      },
    ];
  }, [entries, times, model]);
  if (rows.length === 0) {
    return (
      <p role="status" className="nothing">
        {filter
          ? "No span or proxy's record passes these filters."
          : "No span was recorded, nor any proxy's access log. The log lines are all there is."}
      </p>
    );
  }
  return (
    <Table
      caption="Spans and proxies' records"
      layout="spans"
      columns={columns}
      rows={rows}
      keyOf={(index) => keys[index] as string}
      sort={inView.sort}
      onSort={(sort) => change({ sort })}
      onOpen={(index) => select(index)}
      isSelected={(index) => index === selected}
    />
  );
}
