import { useMemo, useState } from "react";
import { duration } from "../../format/duration";
import { oneLine } from "../../format/printable";
import { type Figure, statistics } from "./figures";
import { Service } from "./Service";
import { type Column, Table } from "./Table";
import type { ViewProps } from "./viewProps";

/** Where the rows and the time are, by service or by name. */
export function Statistics({ model, inView, change, select }: ViewProps) {
  const [by, setBy] = useState<"service" | "name">("service");
  const figures = useMemo(() => statistics(model.entries, by), [model, by]);
  const columns = useMemo<Column<Figure>[]>(() => {
    const time = (name: string, of: (figure: Figure) => number): Column<Figure> => ({
      name,
      value: of,
      show: (figure) => (of(figure) ? duration(of(figure)) : "–"),
    });
    return [
      ...(by === "name"
        ? [{ name: "name", value: (one: Figure) => one.name, show: (one: Figure) => <bdi>{oneLine(one.name)}</bdi> }]
        : []),
      { name: "service", value: (one) => one.service, show: (one) => <Service name={one.service} model={model} /> },
      { name: "count", value: (one) => one.count },
      {
        name: "errors",
        value: (one) => one.errors,
        show: (one) => <span className={one.errors ? "bad" : ""}>{one.errors}</span>,
      },
      time("total", (one) => one.total),
      time("self", (one) => one.self),
      time("max", (one) => one.longest),
      time("mean", (one) => (one.count ? one.total / one.count : 0)),
    ];
  }, [by, model]);
  return (
    <section aria-label="Statistics">
      <fieldset className="row">
        <legend className="visually-hidden">Count by</legend>
        {(["service", "name"] as const).map((one) => (
          <button key={one} type="button" className="chip" aria-pressed={by === one} onClick={() => setBy(one)}>
            by {one}
          </button>
        ))}
        <span className="quiet">self: without what was waited for below; a row opens the one that took longest</span>
      </fieldset>
      <Table
        caption={`Statistics by ${by}`}
        layout={`statistics by-${by}`}
        columns={columns}
        rows={figures}
        keyOf={(one) => `${one.service}\n${one.name}`}
        sort={inView.sort}
        onSort={(sort) => change({ sort })}
        onOpen={(one) => select(one.example)}
        isSelected={() => false}
      />
    </section>
  );
}
