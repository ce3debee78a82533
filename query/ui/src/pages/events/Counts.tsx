import type { EventCounts } from "../../api/queries";
import { duration } from "../../format/duration";
import { isoSeconds } from "../../format/moment";
import "./counts.css";
import { intervals } from "./intervals";
import { isKind, KINDS } from "./kinds";

type Props = { counts: EventCounts; onInterval: (since: string, until: string) => void };

const ORDER = Object.keys(KINDS);

/** Events over time, kinds on top of each other; a click looks at that interval alone. */
export function Counts({ counts, onInterval }: Props) {
  const all = intervals(counts);
  const most = Math.max(1, ...all.map((one) => one.total));
  const length = counts.interval_ns / 1e6;
  const shown = (start: number) => isoSeconds(start).slice(11, length < 60_000 ? 19 : 16);
  return (
    <figure className="event-counts">
      <figcaption className="quiet">
        Events in {duration(counts.interval_ns)} each; at most {most}
      </figcaption>
      <div className="bars">
        {all.map(({ start, total, byKind }) => {
          const says = `${isoSeconds(start).replace("T", " ")} UTC: ${total} ${total === 1 ? "event" : "events"}`;
          return (
            <button
              key={start}
              type="button"
              title={says}
              aria-label={says}
              disabled={total === 0}
              onClick={() => onInterval(isoSeconds(start), isoSeconds(start + length))}
            >
              {ORDER.filter((kind) => byKind.has(kind)).map((kind) => (
                <span
                  key={kind}
                  style={{
                    blockSize: `${(100 * (byKind.get(kind) ?? 0)) / most}%`,
                    background: `var(--series-${isKind(kind) ? KINDS[kind].series : 8})`,
                  }}
                />
              ))}
            </button>
          );
        })}
      </div>
      <div className="ends quiet">
        <span>{shown(all[0]?.start ?? 0)}</span>
        <span>{shown((all.at(-1)?.start ?? 0) + length)} UTC</span>
      </div>
    </figure>
  );
}
