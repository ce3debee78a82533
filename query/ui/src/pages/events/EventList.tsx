import { Link } from "react-router";
import type { MeshEvent } from "../../api/queries";
import { oneLine } from "../../format/printable";
import { timestamp } from "../../format/time";
import { StatusCode } from "../../parts/StatusCode";
import { Kind } from "./Kind";

/** Events, a line each, with the way to their transactions. */
export function EventList({ events }: { events: readonly MeshEvent[] }) {
  if (events.length === 0) return null;
  return (
    <ol className="event-list" aria-label="Events">
      {events.map((event) => (
        <li key={event.id}>
          <time className="quiet mono" title={`${timestamp(event.time_unix_nano)} UTC`}>
            {timestamp(event.time_unix_nano).slice(5, 19)}
          </time>
          <Kind kind={event.kind} />
          <span className="says">
            {event.transaction_id ? (
              <Link to={`/trace/${event.transaction_id}`}>{oneLine(`${event.proxy}: ${event.text}`)}</Link>
            ) : (
              oneLine(`${event.proxy}: ${event.text}`)
            )}
            {event.began && <span className="quiet"> · began at {oneLine(event.began.proxy)}</span>}
          </span>
          <span className="request quiet">
            {event.method && <StatusCode code={event.response_code} />}
            <span className="mono">{oneLine(`${event.method} ${event.path}`)}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}
