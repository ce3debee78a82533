import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./scatter.css";
import { duration } from "../format/duration";
import { nearest } from "./nearest";
import { keepDrawn, overTime, tone } from "./overTime";

/** `at` in seconds since the epoch, `took` in ns. */
export type Point = { at: number; took: number; failed: boolean; says: string };

type Props = { points: readonly Point[]; label: string; onChoose: (index: number) => void };

const HEIGHT = 150;
const AXIS = 62;
const REACH = 18;

/** How long things took over time, on a logarithmic scale; a click chooses the nearest. */
export function Scatter({ points, label, onChoose }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState<{ index: number; left: number; top: number } | null>(null);
  const choose = useRef(onChoose);
  choose.current = onChoose;

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const find = (u: uPlot) =>
      nearest(
        points.map((one) => [u.valToPos(one.at, "x"), u.valToPos(one.took, "y")] as const),
        u.cursor.left ?? -1,
        u.cursor.top ?? -1,
        REACH,
      );
    const shown = (name: string): uPlot.Series => ({
      paths: () => null,
      points: { show: true, size: 6, width: 0, fill: tone(element, name), stroke: tone(element, name) },
    });
    const u = new uPlot(
      {
        ...overTime(element, HEIGHT, {
          size: AXIS,
          space: 24,
          splits: (_u, _axis, least, most) => powersOfTen(least, most),
          filter: (_u, ticks) => ticks,
          values: (_, ticks) => ticks.map(duration),
        }),
        cursor: { drag: { setScale: false, x: false, y: false }, points: { show: false } },
        scales: { x: { time: true }, y: { distr: 3 } },
        series: [{}, shown("--accent"), shown("--bad")],
        hooks: {
          setCursor: [
            (u) => {
              const index = find(u);
              const point = points[index];
              setNear(point ? { index, left: u.valToPos(point.at, "x"), top: u.valToPos(point.took, "y") } : null);
            },
          ],
        },
      },
      aligned(points),
      element,
    );
    const click = () => {
      const index = find(u);
      if (index >= 0) choose.current(index);
    };
    u.over.addEventListener("click", click);
    return keepDrawn(u, element);
  }, [points]);

  const point = near && points[near.index];
  return (
    <div className="scatter">
      <div ref={frame} role="img" aria-label={label} />
      {near && point && (
        <div className="near" style={{ insetInlineStart: near.left + AXIS, insetBlockStart: near.top }}>
          {point.says}
        </div>
      )}
    </div>
  );
}

/** By time, those that failed in a series of their own. */
function aligned(points: readonly Point[]): uPlot.AlignedData {
  const sorted = [...points].sort((a, b) => a.at - b.at);
  return [
    sorted.map((one) => one.at),
    sorted.map((one) => (one.failed ? null : one.took)),
    sorted.map((one) => (one.failed ? one.took : null)),
  ];
}

function powersOfTen(least: number, most: number): number[] {
  const first = Math.ceil(Math.log10(least) - 1e-9);
  const last = Math.floor(Math.log10(most) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => 10 ** (first + index));
}
