import { type CSSProperties, useMemo } from "react";
import { duration } from "../../format/duration";
import { oneLine } from "../../format/printable";
import { boxes, flame } from "./flame";
import "./flame-graph.css";
import type { ViewProps } from "./viewProps";

const ROW = 24;
/** Narrower than this share of the width can't be pointed at. */
const NARROWEST = 0.001;

/** Rows with the same causes merged, as wide as the time spent in them and below. */
export function FlameGraph({ model, inView, change, select }: ViewProps) {
  const root = useMemo(() => flame(model.entries, model.tree), [model]);
  const shown = useMemo(() => boxes(root, inView.focus, NARROWEST), [root, inView.focus]);
  const deepest = shown.reduce((most, { depth }) => Math.max(most, depth), 0);
  if (root.time === 0) {
    return (
      <p role="status" className="nothing">
        Nothing that was recorded took time. See the log lines.
      </p>
    );
  }
  const top = shown[0]?.node ?? root;
  return (
    <section aria-label="Flame graph">
      <p className="quiet row">
        Width is time in the row and below it; work side by side counts for each. Choose a box to see it alone.
        {inView.focus && (
          <>
            <button type="button" onClick={() => change({ focus: "" })}>
              Show all
            </button>
            <button type="button" onClick={() => select(top.example)}>
              Open the first of these
            </button>
          </>
        )}
      </p>
      <div className="flame" style={{ height: (deepest + 1) * ROW }}>
        {shown.map(({ node, path, depth, left, width }) => {
          const text = `${node.service ? `${oneLine(node.service)} · ` : ""}${oneLine(node.name)}: ${duration(node.time)}, itself ${duration(node.self)}${node.count > 1 ? `, ${node.count} times` : ""}${node.errors ? `, ${node.errors} failed` : ""}`;
          return (
            <button
              key={path}
              type="button"
              className={`box${node.errors ? " error" : ""}`}
              style={
                {
                  left: `${left * 100}%`,
                  width: `${width * 100}%`,
                  top: depth * ROW,
                  height: ROW - 1,
                  "--lane": model.colours.get(node.service) ?? "var(--quiet)",
                } as CSSProperties
              }
              title={text}
              aria-label={text}
              onClick={() => change({ focus: path })}
            >
              <bdi>{oneLine(node.name)}</bdi> <span className="took">{duration(node.time)}</span>
            </button>
          );
        })}
      </div>
    </section>
  );
}
