import { isoSeconds, moment } from "../format/moment";
import "./time-range.css";

const PRESETS = [
  ["5m", "Last 5 minutes"],
  ["15m", "Last 15 minutes"],
  ["1h", "Last hour"],
  ["3h", "Last 3 hours"],
  ["6h", "Last 6 hours"],
  ["1d", "Last day"],
  ["2d", "Last 2 days"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
] as const;

type Props = {
  since: string;
  until: string;
  onChange: (since: string, until: string) => void;
  /** The furthest back that the answer can go; further presets are left out. */
  furthest?: string;
  /** Whether a time that isn't up to now can be asked for. */
  absolute?: boolean;
};

/** When: so much before now, or from one moment (UTC) to another. */
export function TimeRange({ since, until, onChange, furthest, absolute = true }: Props) {
  const relative = until === "" && /^\d+(\.\d+)?[a-z]+$/.test(since);
  const end = PRESETS.findIndex(([text]) => text === furthest);
  const presets = end < 0 ? PRESETS : PRESETS.slice(0, end + 1);
  const now = Date.now();
  const choose = (value: string) => {
    if (value === "absolute") onChange(isoSeconds(moment(since, now)), isoSeconds(moment(until, now)));
    else onChange(value, "");
  };
  return (
    <div className="time-range">
      <select aria-label="Time" value={relative ? since : "absolute"} onChange={(event) => choose(event.target.value)}>
        {relative && !presets.some(([text]) => text === since) && <option value={since}>Last {since}</option>}
        {presets.map(([text, says]) => (
          <option key={text} value={text}>
            {says}
          </option>
        ))}
        {absolute && <option value="absolute">From … to … (UTC)</option>}
      </select>
      {!relative && (
        <>
          <input
            type="datetime-local"
            step="1"
            aria-label="From (UTC)"
            value={isoSeconds(moment(since, now))}
            onChange={(event) => event.target.value && onChange(event.target.value, until)}
          />
          <input
            type="datetime-local"
            step="1"
            aria-label="To (UTC)"
            value={isoSeconds(moment(until, now))}
            onChange={(event) => event.target.value && onChange(since, event.target.value)}
          />
        </>
      )}
    </div>
  );
}
