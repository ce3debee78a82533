import { Link } from "react-router";
import type { Metric, Metrics } from "../../api/queries";
import { Trend } from "../../charts/Trend";
import { duration } from "../../format/duration";
import { percent } from "../../format/percent";
import { brief } from "../../format/printable";
import { rate } from "../../format/rate";
import { series } from "./series";
import { spanSearch } from "./spanSearch";
import "./red.css";

type Props = {
  all: readonly Metric[];
  steps: Metrics;
  address: (change: Record<string, string>) => string;
  found: (q: string) => string;
};

/** Every service, a line each: what is asked of it, or what it does where nothing asks. */
export function Overview({ all, steps, address, found }: Props) {
  return (
    <section className="red" aria-label="Services">
      <table className="figures stacked">
        <caption className="visually-hidden">Rate, errors and durations by service</caption>
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">Rate</th>
            <th scope="col">Errors</th>
            <th scope="col">p50</th>
            <th scope="col">p95</th>
            <th scope="col">p99</th>
            <th scope="col" className="aside">
              Calls over time
            </th>
          </tr>
        </thead>
        <tbody>
          {all.map((one) => {
            const own = series(
              steps,
              steps.metrics.filter(({ service, kind }) => service === one.service && kind === one.kind),
            );
            return (
              <tr key={one.service}>
                <th scope="row">
                  <Link to={address({ service: one.service })}>{brief(one.service)}</Link>
                  {one.kind !== "server" && <span className="quiet"> {one.kind}</span>}
                </th>
                <Figures metric={one} name={one.service} found={found} />
                <td className="aside">
                  <Trend
                    values={own.rate}
                    failed={own.errors}
                    label={`Calls over time, at most ${rate(Math.max(...own.rate))}`}
                  />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** Cells of rate, errors and durations; each leads to the transactions that it counts. */
export function Figures({ metric, name, found }: { metric: Metric; name: string; found: (q: string) => string }) {
  const of = <span className="visually-hidden"> {brief(name)}</span>;
  const durations = (["0.5", "0.95", "0.99"] as const).map(
    (level) => [level, metric.durations_ns[level] ?? 0] as const,
  );
  return (
    <>
      <td>
        <Link to={found(spanSearch(metric))}>
          {rate(metric.calls_per_second)}
          {of}
        </Link>
      </td>
      <td>
        {metric.errors > 0 ? (
          <Link className={metric.error_ratio >= 0.05 ? "many" : "some"} to={found(spanSearch(metric, "failed"))}>
            {percent(metric.error_ratio)}
            <span className="visually-hidden"> of {brief(name)} failed</span>
          </Link>
        ) : (
          <span className="quiet">none</span>
        )}
      </td>
      {durations.map(([level, took]) => (
        <td key={level}>
          {level === "0.5" ? (
            duration(took)
          ) : (
            <Link to={found(spanSearch(metric, took))}>
              {duration(took)}
              <span className="visually-hidden"> and longer in {brief(name)}</span>
            </Link>
          )}
        </td>
      ))}
    </>
  );
}
