import { Link } from "react-router";
import type { Hit } from "../api/queries";
import { duration } from "../format/duration";
import { oneLine } from "../format/printable";
import { timestamp } from "../format/time";
import { Flags } from "./Flags";
import { StatusCode } from "./StatusCode";
import "./hit-list.css";

/** Transactions found, a line each. */
export function HitList({ hits }: { hits: readonly Hit[] }) {
  if (hits.length === 0) return null;
  const longest = Math.max(...hits.map((hit) => hit.duration_ns), 1);
  return (
    <ol className="hit-list" aria-label="Transactions">
      {hits.map((hit) => (
        <li key={hit.transaction_id}>
          <time className="quiet" title={`${timestamp(hit.start_unix_nano)} UTC`}>
            {timestamp(hit.start_unix_nano).slice(5, 19)}
            <span className="fraction">{timestamp(hit.start_unix_nano).slice(19)}</span>
          </time>
          <StatusCode code={hit.response_code} />
          <span className="what">
            <Link to={`/trace/${hit.transaction_id}`}>{oneLine(hit.root) || "only log lines"}</Link>
            <Flags flags={hit.response_flags} text={hit.response_flags_text} />
            {hit.errors > 0 && <span className="errors">{hit.errors === 1 ? "1 error" : `${hit.errors} errors`}</span>}
          </span>
          <span className="services quiet">{oneLine(hit.services.join(", "))}</span>
          <span className="took">
            <span className="bar" style={{ inlineSize: `${(100 * hit.duration_ns) / longest}%` }} />
            {duration(hit.duration_ns)}
          </span>
        </li>
      ))}
    </ol>
  );
}
