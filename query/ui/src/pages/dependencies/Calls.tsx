import { useState } from "react";
import { Link } from "react-router";
import { duration } from "../../format/duration";
import { percent } from "../../format/percent";
import { brief } from "../../format/printable";
import { rate } from "../../format/rate";
import { type Call, keyOf, severity } from "./graph";
import { Proxies } from "./Proxies";
import "./calls.css";

/** The first of them are those that fail. */
const FEW = 200;

type Props = { calls: readonly Call[]; transactionsOf: (call: Call, failed?: boolean) => string };

/** Every call, a line each: what the map shows, and what the proxies on the way recorded of it. */
export function Calls({ calls, transactionsOf }: Props) {
  const [everything, setEverything] = useState(false);
  const shown = everything ? calls : calls.slice(0, FEW);
  return (
    <>
      <section className="calls" aria-label="Calls">
        <table className="figures stacked">
          <caption className="visually-hidden">Calls between services</caption>
          <thead>
            <tr>
              <th scope="col">Call</th>
              <th scope="col">Rate</th>
              <th scope="col">Errors</th>
              <th scope="col">p50</th>
              <th scope="col">p95</th>
              <th scope="col">p99</th>
              <th scope="col" className="wide-only">
                As proxies saw it
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((call) => (
              <tr key={keyOf(call)}>
                <th scope="row">
                  <Link to={transactionsOf(call)}>
                    {brief(call.from)} → {call.to ? brief(call.to) : "nobody"}
                  </Link>
                  {!call.known && (
                    <div className="quiet">{call.to ? "it sent no row of its own" : "the proxy answered itself"}</div>
                  )}
                </th>
                <td>{rate(call.perSecond)}</td>
                <td>
                  {call.errors > 0 ? (
                    <Link className={severity(call.share)} to={transactionsOf(call, true)}>
                      {percent(call.share)}
                      <span className="visually-hidden">
                        {" "}
                        of the calls of {brief(call.from)} to {brief(call.to)}
                      </span>
                    </Link>
                  ) : (
                    <span className="quiet">none</span>
                  )}
                </td>
                <td>{duration(call.durations["0.5"] ?? 0)}</td>
                <td>{duration(call.durations["0.95"] ?? 0)}</td>
                <td>{duration(call.durations["0.99"] ?? 0)}</td>
                <td className="seen below">
                  <Proxies proxies={call.proxies} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {calls.length > shown.length && (
        <p>
          <button type="button" onClick={() => setEverything(true)}>
            Show all {calls.length} calls
          </button>
        </p>
      )}
    </>
  );
}
