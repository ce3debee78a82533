import { duration } from "../../format/duration";
import { useNarrow } from "../../parts/useNarrow";
import type { InView } from "./address";
import { ticks } from "./ticks";
import { useDrag } from "./useDrag";

type Props = {
  range: readonly [number, number];
  whole: readonly [number, number];
  zoomed: boolean;
  change: (change: Partial<InView>) => void;
};

/** From here on, in percent, a time stands before its mark: behind it, there is no room. */
const LAST = 86;

/** The time above the bars. Dragging along it zooms. */
export function Axis({ range, zoomed, change }: Props) {
  const [from, to] = range;
  const narrow = useNarrow();
  const { drag, handlers } = useDrag((a, b) => change({ zoom: [from + a * (to - from), from + b * (to - from)] }));
  return (
    <div className="axis">
      <div className="axis-left">
        {zoomed ? (
          <button type="button" onClick={() => change({ zoom: null })}>
            Reset zoom (x)
          </button>
        ) : (
          <span className="quiet">drag over the axis to zoom</span>
        )}
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: z and x in the tree do the same with keys */}
      <div className="scale" {...handlers} onDoubleClick={() => change({ zoom: null })}>
        {ticks(from, to, narrow ? 3 : 6).map((time) => {
          const share = ((time - from) / (to - from)) * 100;
          return (
            <span
              key={time}
              className={share > LAST ? "tick last" : "tick"}
              style={share > LAST ? { right: `${100 - share}%` } : { left: `${share}%` }}
            >
              {time === 0 ? "0" : duration(time)}
            </span>
          );
        })}
        {drag && <i className="drag" style={{ left: `${drag[0] * 100}%`, width: `${(drag[1] - drag[0]) * 100}%` }} />}
      </div>
    </div>
  );
}
