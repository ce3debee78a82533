import type { CSSProperties } from "react";
import { oneLine } from "../../format/printable";
import { busy, type Lane } from "./lanes";
import type { Model } from "./model";

/** A shorter pause can't be seen. */
const LEAST_SHARE = 0.002;

type Props = {
  model: Model;
  lane: Lane;
  index: number;
  top: number;
  height: number;
  range: readonly [number, number];
  folded: boolean;
  onFold: (index: number, to: boolean) => void;
  active: boolean;
  position: number;
  size: number;
};

/** The head of a service's lane: its name, how many rows it has, and when it was busy. */
export function LaneRow({ model, lane, index, top, height, range, folded, onFold, active, position, size }: Props) {
  const [from, to] = range;
  const share = (time: number) => Math.max(0, Math.min(100, ((time - from) / (to - from)) * 100));
  const count = lane.entries.length.toLocaleString("en");
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it has the focus and takes the keys
    // biome-ignore lint/a11y/useFocusableInteractive: as above
    <div
      id={`row-${index}`}
      role="treeitem"
      aria-level={1}
      aria-posinset={position}
      aria-setsize={size}
      aria-selected={false}
      aria-expanded={!folded}
      className={`entry lane${active ? " active" : ""}`}
      style={{ top, height, "--lane": model.colours.get(lane.service) ?? "var(--quiet)" } as CSSProperties}
      onClick={() => onFold(index, !folded)}
    >
      <div className="what">
        <span className="fold" aria-hidden>
          {folded ? "▸" : "▾"}
        </span>
        <bdi className="service">{oneLine(lane.service) || "?"}</bdi>
        <span className="quiet">
          {count} {lane.entries.length === 1 ? "row" : "rows"}
        </span>
        {lane.errors > 0 && (
          <span className="bad">
            {lane.errors.toLocaleString("en")} {lane.errors === 1 ? "error" : "errors"}
          </span>
        )}
      </div>
      <div className="when">
        {busy(lane, model.times, (to - from) * LEAST_SHARE)
          .filter(([start, end]) => end >= from && start <= to)
          .map(([start, end]) => (
            <i
              key={start}
              className="busy"
              style={{ left: `${share(start)}%`, width: `${share(end) - share(start)}%` }}
            />
          ))}
      </div>
    </div>
  );
}
