import { Link } from "react-router";
import type { ServicePropagation } from "../../api/queries";
import { oneLine } from "../../format/printable";
import { timestamp } from "../../format/time";
import { CARRIED, HABITS } from "./words";

/** One service: what its calls carried of what came in, and calls that show it. */
export function Service({ service }: { service: ServicePropagation }) {
  const { text, severity } = HABITS[service.habit];
  const carried = Object.entries(service.carried).filter(([, calls]) => calls > 0);
  return (
    <li className={severity}>
      <h2>
        {oneLine(service.service)} <span className={severity}>{text}</span>
      </h2>
      <p className="quiet">
        {service.inbound} {service.inbound === 1 ? "request" : "requests"} in, {service.calls}{" "}
        {service.calls === 1 ? "call" : "calls"} out
      </p>
      {carried.length > 0 && (
        <>
          <div className="carried" aria-hidden="true">
            {carried.map(([what, calls]) => (
              <span key={what} className={what} style={{ flexGrow: calls }} />
            ))}
          </div>
          <ul className="legend">
            {carried.map(([what, calls]) => (
              <li key={what}>
                <span className={`swatch ${what}`} /> {calls} carried {CARRIED[what] ?? what}
              </li>
            ))}
          </ul>
        </>
      )}
      {service.missing.length > 0 && (
        <p>
          To pass on: <code>{service.missing.join(", ")}</code>
          {Object.keys(service.pods).length > 0 && (
            <span className="quiet">
              {" "}
              · at{" "}
              {Object.entries(service.pods)
                .map(([pod, calls]) => `${oneLine(pod)} (${calls})`)
                .join(", ")}
            </span>
          )}
        </p>
      )}
      {service.evidence.length > 0 && (
        <details>
          <summary>Calls that show it</summary>
          <ul className="evidence">
            {service.evidence.map((call) => (
              <li key={`${call.time_unix_nano}-${call.transaction_id}`}>
                <time className="quiet mono">{timestamp(call.time_unix_nano).slice(5, 19)}</time>{" "}
                <Link to={`/trace/${call.transaction_id}`}>{oneLine(`${call.method} ${call.path}`)}</Link> to{" "}
                {oneLine(call.upstream_cluster)} carried {CARRIED[call.carried] ?? call.carried}
                {call.guess && (
                  <>
                    ; by its time it may belong to{" "}
                    <Link to={`/trace/${call.guess.transaction_id}`}>
                      {oneLine(`${call.guess.method} ${call.guess.path}`)}
                    </Link>
                    {call.guess.open > 1 && ` (one of ${call.guess.open} at that moment)`}
                  </>
                )}
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}
