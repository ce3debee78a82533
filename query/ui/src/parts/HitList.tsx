import { Link } from "react-router";
import type { Hit } from "../api/queries";
import { duration } from "../format/duration";
import { timestamp } from "../format/time";
import "./hit-list.css";

/** Transactions found, a line each. */
export function HitList({ hits }: { hits: readonly Hit[] }) {
  if (hits.length === 0) return null;
  return (
    <ul className="hit-list">
      {hits.map((hit) => (
        <li key={hit.transaction_id}>
          <Link to={`/trace/${hit.transaction_id}`}>{hit.root || "only log lines"}</Link>{" "}
          {hit.response_code !== null && (
            <span className={hit.response_code >= 500 || hit.response_code === 0 ? "bad" : ""}>
              {hit.response_code}
            </span>
          )}{" "}
          {hit.response_flags.length > 0 && (
            <abbr className="bad" title={hit.response_flags_text}>
              {hit.response_flags.join(",")}
            </abbr>
          )}{" "}
          {hit.errors > 0 && <span className="bad">{hit.errors === 1 ? "1 error" : `${hit.errors} errors`}</span>}
          <div className="quiet">
            <time>{timestamp(hit.start_unix_nano)}</time> · {duration(hit.duration_ns)} · {hit.services.join(", ")} ·{" "}
            <code>{hit.transaction_id}</code>
          </div>
        </li>
      ))}
    </ul>
  );
}
