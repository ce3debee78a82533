import { Link } from "react-router";
import { useEventCounts, useFacets, useMetrics } from "../../api/queries";
import { count } from "../../format/count";
import { duration } from "../../format/duration";
import { percent } from "../../format/percent";
import { brief } from "../../format/printable";
import { Pending } from "../../parts/Pending";
import { Trouble } from "../../parts/Trouble";
import { term } from "../../search/term";
import { Sparkline } from "./Sparkline";
import { COUNTED, serviceRates } from "./serviceRates";

const SINCE = "1h";
/** Where an hour has more requests than can be counted. */
const SHORTER_MIN = 5;
const EVENTS = { kind: [], service: [], route: [], since: SINCE, until: "" };

/** How many requests went through each service in the last hour, and how many of these had an error anywhere. */
export function Services() {
  const hour = useFacets({ q: "", since: SINCE, until: "" });
  const busy = hour.data?.of !== undefined && hour.data.of >= COUNTED;
  const shorter = useFacets({ q: "", since: `${SHORTER_MIN}m`, until: "" }, busy);
  const minutes = busy ? SHORTER_MIN : 60;
  const since = `${minutes}m`;
  const all = busy ? shorter : hour;
  const failed = useFacets({ q: "errors>0", since, until: "" }, hour.isSuccess);
  const spans = useMetrics({ service: [], kind: ["server"], since, until: "", step: "", by_operation: false });
  const events = useEventCounts(EVENTS);
  const rates = all.data && failed.data ? serviceRates(all.data, failed.data) : [];
  const tooks = new Map(spans.data?.metrics.map((one) => [one.service, one.durations_ns["0.95"] ?? 0]));
  return (
    <section aria-labelledby="services">
      <h2 id="services">Services</h2>
      {all.error && <Trouble error={all.error} retry={all.refetch} />}
      <Pending query={all} of={["facets"]} says="Counting requests" />
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
        <table className="figures rates">
          <thead>
            <tr>
              <th scope="col">Service</th>
              <th scope="col">
                Requests
                <wbr />
                /min
              </th>
              <th scope="col">With errors</th>
              <th scope="col">p95</th>
              <th scope="col">Mesh events</th>
            </tr>
          </thead>
          <tbody>
            {rates.map((one) => (
              <tr key={one.service}>
                <th scope="row">
                  <Link to={`/search?${new URLSearchParams({ q: term("service", "=", one.service) })}`}>
                    {brief(one.service)}
                  </Link>
                </th>
                <td>
                  <Link className="plain" to={`/monitor?${new URLSearchParams({ service: one.service })}`}>
                    {one.sampled && "> "}
                    {count(one.requests / minutes)}
                    <span className="visually-hidden"> a minute through {brief(one.service)}: monitor it</span>
                  </Link>
                </td>
                <td>
                  {one.failed > 0 ? (
                    <Link
                      className="bad"
                      to={`/search?${new URLSearchParams({ q: `${term("service", "=", one.service)} and errors>0` })}`}
                    >
                      {percent(one.share)}
                      <span className="visually-hidden"> of the requests through {brief(one.service)}</span>
                    </Link>
                  ) : (
                    <span className="quiet">none</span>
                  )}
                </td>
                <td>{tooks.has(one.service) ? duration(tooks.get(one.service) ?? 0) : ""}</td>
                <td>{events.data && <Sparkline counts={events.data} service={one.service} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rates.length > 0 && (
        <p className="quiet">
          Of the last {busy ? `${SHORTER_MIN} minutes` : "hour"}
          {rates[0]?.sampled ? `: the newest ${all.data?.of} requests` : ""}. A request counts for every service that it
          went through, sampled or not; p95 is that of its recorded server spans.
        </p>
      )}
    </section>
  );
}
