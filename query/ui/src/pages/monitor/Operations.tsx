import { useMemo, useState } from "react";
import { Link } from "react-router";
import type { Metric, Metrics } from "../../api/queries";
import { Trend } from "../../charts/Trend";
import { percent } from "../../format/percent";
import { brief } from "../../format/printable";
import { rate } from "../../format/rate";
import { Figures } from "./Overview";
import { impact, ORDERS, type Order, ordered } from "./operations";
import { series } from "./series";

type Props = {
  all: readonly Metric[];
  /** Undefined until it is there. */
  steps: Metrics | undefined;
  chosen: string;
  address: (change: Record<string, string>) => string;
  found: (q: string) => string;
};

const FEW = 50;

/** A service's operations; each can be looked at over time, and leads to its transactions. */
export function Operations({ all, steps, chosen, address, found }: Props) {
  const [order, setOrder] = useState<Order>("impact");
  const [find, setFind] = useState("");
  const [everything, setEverything] = useState(false);
  const total = useMemo(() => all.reduce((sum, one) => sum + impact(one), 0), [all]);
  const fitting = useMemo(
    () => ordered(all, order).filter((one) => one.operation.toLowerCase().includes(find.toLowerCase())),
    [all, order, find],
  );
  const shown = everything ? fitting : fitting.slice(0, FEW);
  return (
    <>
      <div className="operations-head">
        <h2>Operations</h2>
        <input
          type="search"
          aria-label="Find an operation"
          placeholder="find"
          value={find}
          onChange={(event) => setFind(event.target.value)}
        />
      </div>
      <section className="red" aria-label="Operations">
        <table className="figures stacked">
          <thead>
            <tr>
              {ORDERS.map(([name, says]) => (
                <th
                  key={name}
                  scope="col"
                  className={name === "impact" ? "aside" : undefined}
                  aria-sort={order === name ? (name === "operation" ? "ascending" : "descending") : "none"}
                >
                  <button type="button" onClick={() => setOrder(name)}>
                    {says} <span aria-hidden>{order === name ? (name === "operation" ? "↑" : "↓") : ""}</span>
                  </button>
                </th>
              ))}
              <th scope="col" className="wide-only">
                Calls over time
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <tr key={one.operation} className={one.operation === chosen ? "chosen" : ""}>
                <th scope="row">
                  <Link to={address({ operation: one.operation === chosen ? "" : one.operation, kind: one.kind })}>
                    {brief(one.operation) || "without a name"}
                  </Link>
                </th>
                <Figures metric={one} name={one.operation} found={found} />
                <td className="aside">
                  <Impact share={impact(one) / (total || 1)} />
                </td>
                <td className="wide-only">{steps && <Over steps={steps} metric={one} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {fitting.length === 0 && <p role="status">No operation has “{find}” in its name.</p>}
      {fitting.length > shown.length && (
        <button type="button" onClick={() => setEverything(true)}>
          Show all {fitting.length}
        </button>
      )}
    </>
  );
}

/** Its share of all time that was spent in the service's operations. */
function Impact({ share }: { share: number }) {
  return (
    <span className="impact" title={`${percent(share)} of the time spent in the service's operations`}>
      <span style={{ inlineSize: `${100 * share}%` }} />
      <span className="visually-hidden">{percent(share)}</span>
    </span>
  );
}

function Over({ steps, metric }: { steps: Metrics; metric: Metric }) {
  const own = series(
    steps,
    steps.metrics.filter(({ operation }) => operation === metric.operation),
  );
  return (
    <Trend values={own.rate} failed={own.errors} label={`Calls over time, at most ${rate(Math.max(...own.rate))}`} />
  );
}
