import { useSearchParams } from "react-router";
import { usePropagation } from "../../api/queries";
import { Pending } from "../../parts/Pending";
import { TimeRange } from "../../parts/TimeRange";
import { Trouble } from "../../parts/Trouble";
import { Service } from "./Service";
import "./propagation.css";

/** Which services pass on the headers that join a request's rows, and which drop them. */
export function Propagation() {
  const [parameters, setParameters] = useSearchParams();
  const since = parameters.get("since") || "15m";
  const propagation = usePropagation(since);
  const services = propagation.data?.services ?? [];
  return (
    <div className="propagation-page">
      <title>Propagation · weftline</title>
      <header className="page-head">
        <h1>Propagation</h1>
        <TimeRange
          since={since}
          until=""
          furthest="6h"
          absolute={false}
          onChange={(since) => setParameters({ since })}
        />
      </header>
      <p className="quiet">
        What each service's sidecar saw come in, held against what it saw go out: a service that doesn't pass the
        headers on breaks the trace.
      </p>
      {propagation.error && <Trouble error={propagation.error} retry={propagation.refetch} />}
      <Pending query={propagation} of={["propagation"]} says="Comparing what came in with what went out" />
      {propagation.isSuccess && services.length === 0 && (
        <div className="empty">
          <h2>No sidecar's record in this time</h2>
          <p>
            This page compares what a service's sidecar saw come in with what it saw go out. It needs access logs of
            both listeners: <code>weftline envoy config</code> and <code>weftline istio</code> write the settings.
          </p>
        </div>
      )}
      <ul className="services">
        {services.map((service) => (
          <Service key={service.service} service={service} />
        ))}
      </ul>
    </div>
  );
}
