import { useMemo } from "react";
import { Navigate, useSearchParams } from "react-router";
import { useMetrics } from "../../api/queries";
import { moment } from "../../format/moment";
import { brief } from "../../format/printable";
import { Pending } from "../../parts/Pending";
import { TimeRange } from "../../parts/TimeRange";
import { Trouble } from "../../parts/Trouble";
import { fromJaeger } from "./fromJaeger";
import { OfService } from "./OfService";
import { Overview } from "./Overview";
import { byKind, overview, stepFor } from "./series";
import "./monitor.css";

/** Rate, errors and durations: of all services, or of one and its operations, over time. */
export function Monitor() {
  const [parameters] = useSearchParams();
  const converted = fromJaeger(parameters);
  if (converted) return <Navigate to={`/monitor?${converted}`} replace />;
  return <Asked />;
}

function Asked() {
  const [parameters, setParameters] = useSearchParams();
  const since = parameters.get("since") || "1h";
  const until = parameters.get("until") ?? "";
  const service = parameters.get("service") ?? "";
  const now = Date.now();
  const step = stepFor(moment(until, now) - moment(since, now));
  const window = { service: [], kind: [], since, until, by_operation: false };
  const refresh = until === "";
  const totals = useMetrics({ ...window, step: "" }, { refresh });
  const steps = useMetrics({ ...window, service: service ? [service] : [], step }, { refresh });
  const all = useMemo(() => overview(totals.data?.metrics ?? []), [totals.data]);
  const own = useMemo(
    () => byKind(totals.data?.metrics.filter((one) => one.service === service) ?? []),
    [totals.data, service],
  );
  const kind = parameters.get("kind") || own[0]?.kind || "server";

  const address = (change: Record<string, string>) => {
    const next = new URLSearchParams(parameters);
    for (const [name, value] of Object.entries(change)) value ? next.set(name, value) : next.delete(name);
    return `/monitor?${next}`;
  };
  const ask = (change: Record<string, string>) => setParameters(new URLSearchParams(address(change).split("?")[1]));
  /** Of other times where they are told, in seconds since the epoch. */
  const found = (q: string, at?: readonly [number, number]) => {
    const when = at ? { since: String(at[0]), until: String(at[1]) } : { since, ...(until && { until }) };
    return `/search?${new URLSearchParams({ q, ...when })}`;
  };
  const names = [...new Set([...all.map((one) => one.service), service])].filter(Boolean).sort();
  const error = totals.error ?? steps.error;
  const again = () => {
    totals.refetch();
    steps.refetch();
  };
  const pending = { fetchStatus: totals.fetchStatus, isPending: totals.isPending, error: totals.error };
  return (
    <div className="monitor-page">
      <title>{`${service ? `${brief(service)} · ` : ""}Monitor · weftline`}</title>
      <header className="page-head">
        <h1>Monitor</h1>
        <div className="asked">
          <select
            aria-label="Service"
            value={service}
            onChange={(event) => ask({ service: event.target.value, kind: "", operation: "" })}
          >
            <option value="">All services</option>
            {names.map((name) => (
              <option key={name} value={name}>
                {brief(name, 60)}
              </option>
            ))}
          </select>
          <TimeRange since={since} until={until} onChange={(since, until) => ask({ since, until })} />
        </div>
      </header>
      {error && <Trouble error={error} retry={again} />}
      <Pending query={{ ...pending, refetch: again }} of={["metrics"]} says="Adding up spans" />
      {totals.isSuccess && all.length === 0 && (
        <div className="empty">
          <h2>No spans in this time</h2>
          <p>
            These figures are counted from spans. Take a longer time; <code>weftline doctor</code> says what is missing.
          </p>
        </div>
      )}
      {service === "" && totals.data && steps.data && all.length > 0 && (
        <Overview all={all} steps={steps.data} address={address} found={found} />
      )}
      {service !== "" && own.length > 0 && totals.data && steps.data && (
        <OfService
          key={service}
          service={service}
          kinds={own}
          kind={kind}
          operation={parameters.get("operation") ?? ""}
          steps={steps.data}
          step={step}
          address={address}
          ask={ask}
          found={found}
        />
      )}
      {service !== "" && totals.isSuccess && all.length > 0 && own.length === 0 && (
        <div className="empty">
          <h2>No spans of {brief(service)} in this time</h2>
          <button type="button" onClick={() => ask({ service: "", kind: "", operation: "" })}>
            Show all services
          </button>
        </div>
      )}
      {all.length > 0 && (
        <p className="quiet note">
          Counted from spans, in the minute in which they began: what was sampled out is in no figure. Every span counts
          for its service, an Envoy's beside the application's; its operations tell them apart.
        </p>
      )}
    </div>
  );
}
