import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./scatter.css";
import { duration } from "../format/duration";
import { clock, clockSpan } from "./clock";
import { nearest } from "./nearest";

/** `at` in seconds since the epoch, `took` in ns. */
export type Point = { at: number; took: number; failed: boolean; says: string };

type Props = { points: readonly Point[]; label: string; onChoose: (index: number) => void };

const HEIGHT = 150;
const REACH = 18;

/** How long things took over time, on a logarithmic scale; a click chooses the nearest. */
export function Scatter({ points, label, onChoose }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const [near, setNear] = useState<{ index: number; left: number; top: number } | null>(null);
  const choose = useRef(onChoose);
  choose.current = onChoose;

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const colour = (name: string) => () => getComputedStyle(element).getPropertyValue(name);
    const find = (u: uPlot) =>
      nearest(
        points.map((one) => [u.valToPos(one.at, "x"), u.valToPos(one.took, "y")] as const),
        u.cursor.left ?? -1,
        u.cursor.top ?? -1,
        REACH,
      );
    // Colours are those that the style sheet has where the chart stands.
    const shown = (name: string): uPlot.Series => ({
      paths: () => null,
      points: { show: true, size: 6, width: 0, fill: colour(name), stroke: colour(name) },
    });
    const axis: uPlot.Axis = {
      stroke: colour("--quiet"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    const u = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        padding: [8, 8, 0, 0],
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
        cursor: { drag: { setScale: false, x: false, y: false }, points: { show: false } },
        scales: { x: { time: true }, y: { distr: 3 } },
        axes: [
          { ...axis, size: 28, space: 80, values: (u, ticks) => ticks.map((it) => clock(it, clockSpan(u))) },
          {
            ...axis,
            size: 62,
            space: 24,
            splits: (_u, _axis, least, most) => powersOfTen(least, most),
            filter: (_u, ticks) => ticks,
            values: (_, ticks) => ticks.map(duration),
          },
        ],
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
    plot.current = u;
    const click = () => {
      const index = find(u);
      if (index >= 0) choose.current(index);
    };
    u.over.addEventListener("click", click);
    const resized = new ResizeObserver(() => u.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    const themed = new MutationObserver(() => u.redraw());
    themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => u.redraw();
    scheme.addEventListener("change", redraw);
    return () => {
      resized.disconnect();
      themed.disconnect();
      scheme.removeEventListener("change", redraw);
      u.destroy();
    };
  }, [points]);

  const point = near && points[near.index];
  return (
    <div className="scatter">
      <div ref={frame} role="img" aria-label={label} />
      {near && point && (
        <div className="near" style={{ insetInlineStart: near.left + 62, insetBlockStart: near.top }}>
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
