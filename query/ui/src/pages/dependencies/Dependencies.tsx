import { useMemo } from "react";
import { useSearchParams } from "react-router";
import { useDependencies } from "../../api/queries";
import { brief } from "../../format/printable";
import { Pending } from "../../parts/Pending";
import { TimeRange } from "../../parts/TimeRange";
import { Trouble } from "../../parts/Trouble";
import { Calls } from "./Calls";
import { callSearch } from "./callSearch";
import { around, type Call, calls, services } from "./graph";
import { ServiceMap } from "./ServiceMap";
import "./dependencies.css";

/** More can't be read on a map, nor be placed while somebody waits. */
const MOST_DRAWN = 150;

/** Who calls whom, how often, how well and how fast; as a map and as a table. */
export function Dependencies() {
  const [parameters, setParameters] = useSearchParams();
  const since = parameters.get("since") || "1h";
  const until = parameters.get("until") ?? "";
  const service = parameters.get("service") ?? "";
  const answer = useDependencies(since, until);
  const all = useMemo(() => (answer.data ? calls(answer.data) : []), [answer.data]);
  const shown = useMemo(() => around(all, service), [all, service]);
  const names = useMemo(
    () => [...new Set([...services(all).flatMap(({ name, known }) => (known ? [name] : [])), service])].filter(Boolean),
    [all, service],
  );

  const address = (change: Record<string, string>) => {
    const next = new URLSearchParams(parameters);
    for (const [name, value] of Object.entries(change)) value ? next.set(name, value) : next.delete(name);
    return next;
  };
  const transactionsOf = (call: Call, failed = false) =>
    `/search?${new URLSearchParams({ q: callSearch(call, failed), since, ...(until && { until }) })}`;
  const drawn = shown.filter(({ to }) => to !== "");
  return (
    <div className="dependencies-page">
      <title>Dependencies · weftline</title>
      <header className="page-head">
        <h1>Dependencies</h1>
        <div className="asked">
          <select
            aria-label="Service"
            value={service}
            onChange={(event) => setParameters(address({ service: event.target.value }))}
          >
            <option value="">All services</option>
            {names.map((name) => (
              <option key={name} value={name}>
                {brief(name, 60)}
              </option>
            ))}
          </select>
          <TimeRange
            since={since}
            until={until}
            furthest="7d"
            onChange={(since, until) => setParameters(address({ since, until }))}
          />
        </div>
      </header>
      {answer.error && <Trouble error={answer.error} retry={answer.refetch} />}
      <Pending query={answer} of={["dependencies"]} says="Counting calls" />
      {answer.isSuccess && shown.length === 0 && (
        <div className="empty">
          <h2>No calls between services</h2>
          {service ? (
            <p>
              In this time nothing called {brief(service)}, and it called nothing.{" "}
              <button type="button" onClick={() => setParameters(address({ service: "" }))}>
                Show all services
              </button>
            </p>
          ) : (
            <p>
              A call is known by ids: a span or an access log of one service whose parent is of another. Take a longer
              time, or see at <code>weftline doctor</code> what is missing.
            </p>
          )}
        </div>
      )}
      {drawn.length > 0 && drawn.length <= MOST_DRAWN && (
        <div className={answer.isPlaceholderData ? "stale" : ""}>
          <ServiceMap
            all={all}
            calls={drawn}
            service={service}
            transactionsOf={transactionsOf}
            around={(name) => `/dependencies?${address({ service: name })}`}
          />
        </div>
      )}
      {drawn.length > MOST_DRAWN && (
        <p role="status">
          {drawn.length} calls are too many for a map: choose a service to see it with its neighbours.
        </p>
      )}
      {shown.length > 0 && <Calls calls={shown} transactionsOf={transactionsOf} />}
      {shown.length > 0 && (
        <p className="quiet note">
          Counted by ids, each call once, whether a span or only an Envoy saw it; errors and durations as the callee
          tells them. Dashed: an upstream that proxies name, from which no row came.
        </p>
      )}
    </div>
  );
}
