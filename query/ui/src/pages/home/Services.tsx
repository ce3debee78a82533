import { Link } from "react-router";
import { useEventCounts, useFacets } from "../../api/queries";
import { count } from "../../format/count";
import { Trouble } from "../../parts/Trouble";
import { term } from "../../search/term";
import { Sparkline } from "./Sparkline";
import { serviceRates } from "./serviceRates";

const SINCE = "1h";
const MINUTES = 60;
const EVENTS = { kind: [], service: [], route: [], since: SINCE, until: "" };

/** How many requests went through each service in the last hour, and how many of these had an error anywhere. */
export function Services() {
  const all = useFacets({ q: "", since: SINCE, until: "" });
  const failed = useFacets({ q: "errors>0", since: SINCE, until: "" });
  const events = useEventCounts(EVENTS);
  const rates = all.data && failed.data ? serviceRates(all.data, failed.data) : [];
  return (
    <section aria-labelledby="services">
      <h2 id="services">Services</h2>
      {all.error && <Trouble error={all.error} retry={all.refetch} />}
      {all.isPending && <p role="status">Counting requests …</p>}
      {all.isSuccess && rates.length === 0 && (
        <div className="empty">
          <p>Nothing has arrived in the last hour.</p>
          <p>
            Send spans and logs over OTLP, and Envoy's access logs; <code>weftline demo</code> shows how that looks, and{" "}
            <code>weftline doctor</code> says what is missing.
          </p>
        </div>
      )}
      {rates.length > 0 && (
        <table className="rates">
          <thead>
            <tr>
              <th scope="col">Service</th>
              <th scope="col">Requests/min</th>
              <th scope="col">With errors</th>
              <th scope="col">Mesh events</th>
            </tr>
          </thead>
          <tbody>
            {rates.map((one) => (
              <tr key={one.service}>
                <th scope="row">
                  <Link to={`/search?${new URLSearchParams({ q: term("service", "=", one.service) })}`}>
                    {one.service}
                  </Link>
                </th>
                <td>{one.sampled ? "" : count(one.requests / MINUTES)}</td>
                <td>
                  {one.failed > 0 ? (
                    <Link
                      className="bad"
                      to={`/search?${new URLSearchParams({ q: `${term("service", "=", one.service)} and errors>0` })}`}
                    >
                      {(100 * one.share).toFixed(one.share < 0.1 ? 1 : 0)} %
                      <span className="visually-hidden"> of the requests through {one.service}</span>
                    </Link>
                  ) : (
                    <span className="quiet">none</span>
                  )}
                </td>
                <td>{events.data && <Sparkline counts={events.data} service={one.service} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rates.length > 0 && (
        <p className="quiet">
          Of the last hour{rates[0]?.sampled ? `: the newest ${all.data?.of} requests` : ""}. A request counts for every
          service that it went through.
        </p>
      )}
    </section>
  );
}
