import type { CSSProperties } from "react";
import { duration } from "../../format/duration";
import { Hint } from "../../parts/Hint";
import { PLACE_NAMES } from "./criticalPath";
import { Service } from "./Service";
import "./time-split.css";
import type { ViewProps } from "./viewProps";
import { words } from "./words";

const INFERRED = {
  service: "",
  proxy: "Inferred: without this proxy's spans, one record stands for its own work and for the way to the next hop.",
  network:
    "Inferred: what passed between one side's sending and the other's receiving, less what the receiver says it took.",
  queue: "Inferred: the proxy says how long it waited for a connection, queued or connecting, and not when it had it.",
  waiting:
    "Inferred: something was called that left no record: a database, another site, or a service without tracing.",
};
const SHARES_NAMED = 0.06;

/** What the client waited for, from the first moment to the last: by place, then piece by piece. */
export function TimeSplit({ model, select, selected }: ViewProps) {
  const { entries, path } = model;
  const shares = model.answer.time_split;
  const whole = shares.reduce((sum, share) => sum + share.duration_ns, 0);
  if (whole === 0) {
    return (
      <p role="status" className="nothing">
        Nothing that was recorded took time, so there is no path through it. See the log lines.
      </p>
    );
  }
  return (
    <section aria-label="Where time went" className="time-split">
      <p className="quiet">
        The critical path: at every moment of the {duration(whole)}, the one row that the answer was waiting for. What
        no row says for sure is marked as inferred.
      </p>
      <div className="stack" aria-hidden>
        {shares.map((share) => (
          <i
            key={`${share.place} ${share.service}`}
            className={share.place}
            style={
              {
                flexGrow: share.duration_ns,
                "--lane": model.colours.get(share.service) ?? "var(--quiet)",
              } as CSSProperties
            }
            title={`${share.service} ${PLACE_NAMES[share.place]}`}
          >
            {share.duration_ns / whole >= SHARES_NAMED &&
              `${share.service} ${Math.round((share.duration_ns / whole) * 100)} %`}
          </i>
        ))}
      </div>
      <div className="scrolls">
        <table className="sortable">
          <caption className="visually-hidden">Time by place</caption>
          <thead>
            <tr>
              <th scope="col">service</th>
              <th scope="col" className="below">
                where
              </th>
              <th scope="col" className="number">
                time
              </th>
              <th scope="col" className="number">
                share
              </th>
              <th scope="col" className="below">
                longest piece
              </th>
            </tr>
          </thead>
          <tbody>
            {shares.map((share) => {
              const longest = entries[share.longest];
              return (
                <tr key={`${share.place} ${share.service}`}>
                  <td>
                    <Service name={share.service} model={model} />
                  </td>
                  <td className="below">
                    {PLACE_NAMES[share.place]}{" "}
                    {share.inferred && (
                      <Hint className="noted" text={INFERRED[share.place]}>
                        inferred
                      </Hint>
                    )}
                  </td>
                  <td className="number">{duration(share.duration_ns)}</td>
                  <td className="number">{((share.duration_ns / whole) * 100).toFixed(1)} %</td>
                  <td className="below">
                    <button type="button" className="link" onClick={() => select(share.longest)}>
                      <bdi>{longest && words(longest).text}</bdi>
                    </button>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <h2>Piece by piece</h2>
      <ol className="pieces">
        {path.slice(0, MOST_PIECES).map((piece) => {
          const entry = entries[piece.index];
          if (!entry) return null;
          const { proxy, text } = words(entry);
          return (
            <li
              key={piece.start}
              className={piece.index === selected ? "selected" : ""}
              style={{ "--lane": model.colours.get(entry.service) ?? "var(--quiet)" } as CSSProperties}
            >
              <span className="number">{duration(piece.start)}</span>
              <span className="number">
                <b>{duration(piece.end - piece.start)}</b>
              </span>
              <span className="share">
                <i style={{ width: `${((piece.end - piece.start) / whole) * 100}%` }} />
              </span>
              <span className="piece">
                <button type="button" className="link" onClick={() => select(piece.index)}>
                  <bdi className="service">{entry.service}</bdi> {proxy} <bdi>{text}</bdi>
                </button>{" "}
                <span className="quiet">
                  {PLACE_NAMES[piece.place]}
                  {piece.inferred && " (inferred)"}
                </span>
              </span>
            </li>
          );
        })}
      </ol>
      {path.length > MOST_PIECES && (
        <p className="quiet">and {path.length - MOST_PIECES} more; the timeline marks them all.</p>
      )}
    </section>
  );
}

const MOST_PIECES = 300;
