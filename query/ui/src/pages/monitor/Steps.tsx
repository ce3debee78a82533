import { useState } from "react";
import { Link } from "react-router";
import { duration } from "../../format/duration";
import { percent } from "../../format/percent";
import { rate } from "../../format/rate";
import { QUANTILES, type Series } from "./series";
import { type Spans, spanSearch } from "./spanSearch";

type Props = {
  series: Series;
  spans: Spans;
  found: (q: string, at?: readonly [number, number]) => string;
  at: (index: number) => readonly [number, number];
};

/** What the charts show, as a table: the newest step first. */
export function Steps({ series, spans, found, at }: Props) {
  const [open, setOpen] = useState(false);
  const places = series.at.map((_, index) => series.at.length - 1 - index).filter((index) => series.rate[index]);
  return (
    <details className="steps" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Step by step</summary>
      {open && (
        <section className="red" aria-label="Step by step">
          <table className="figures stacked">
            <thead>
              <tr>
                <th scope="col">From (UTC)</th>
                <th scope="col">Rate</th>
                <th scope="col">Errors</th>
                {QUANTILES.map((level) => (
                  <th key={level} scope="col">
                    p{Number(level) * 100}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {places.map((index) => (
                <tr key={series.at[index]}>
                  <th scope="row">
                    <Link to={found(spanSearch(spans), at(index))}>
                      {new Date((series.at[index] ?? 0) * 1000).toISOString().slice(5, 16).replace("T", " ")}
                    </Link>
                  </th>
                  <td>{rate(series.rate[index] ?? 0)}</td>
                  <td>{percent(series.errors[index] ?? 0)}</td>
                  {QUANTILES.map((level) => (
                    <td key={level}>{duration(series.durations[level]?.[index] ?? 0)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  );
}
