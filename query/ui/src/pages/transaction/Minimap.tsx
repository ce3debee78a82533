import { useEffect, useRef } from "react";
import type { InView } from "./address";
import type { Model } from "./model";
import { useDrag } from "./useDrag";

const HEIGHT = 36;
const MOST_LINES = 18;

type Props = {
  model: Model;
  whole: readonly [number, number];
  zoom: readonly [number, number] | null;
  change: (change: Partial<InView>) => void;
};

/** The whole transaction at a glance, with the part that the rows show. Dragging over it zooms there. */
export function Minimap({ model, whole, zoom, change }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [from, to] = whole;
  const { drag, handlers } = useDrag((a, b) => change({ zoom: [from + a * (to - from), from + b * (to - from)] }));
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const draw = () => paint(element, model, from, to);
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    const theme = new MutationObserver(draw);
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      observer.disconnect();
      theme.disconnect();
      dark.removeEventListener("change", draw);
    };
  }, [model, from, to]);
  const share = (time: number) => Math.max(0, Math.min(100, ((time - from) / (to - from)) * 100));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: z and x in the tree do the same with keys
    <div className="minimap" {...handlers} onDoubleClick={() => change({ zoom: null })}>
      <canvas ref={canvas} height={HEIGHT} role="img" aria-label="The whole transaction in small" />
      {zoom && (
        <>
          <i className="veil" style={{ left: 0, width: `${share(zoom[0])}%` }} />
          <i className="veil" style={{ left: `${share(zoom[1])}%`, right: 0 }} />
        </>
      )}
      {drag && <i className="drag" style={{ left: `${drag[0] * 100}%`, width: `${(drag[1] - drag[0]) * 100}%` }} />}
    </div>
  );
}

/** A line of bars for each of at most `MOST_LINES` groups of rows; errors last, so that nothing hides them. */
function paint(canvas: HTMLCanvasElement, model: Model, from: number, to: number): void {
  const context = canvas.getContext("2d");
  const width = canvas.clientWidth;
  if (!context || width === 0) return;
  const ratio = window.devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const resolved = new Map<string, string>();
  // light-dark() is resolved only where it is used as a colour, so a probe has to use it.
  const probe = document.createElement("i");
  canvas.parentElement?.append(probe);
  const colour = (name: string) => {
    let value = resolved.get(name);
    if (value === undefined) {
      probe.style.color = name;
      value = getComputedStyle(probe).color || style.color;
      resolved.set(name, value);
    }
    return value;
  };
  const { entries, tree, times, colours } = model;
  const lines = Math.min(tree.order.length, MOST_LINES);
  const scale = width / (to - from);
  const errors: [number, number, number][] = [];
  tree.order.forEach((index, place) => {
    const y = 1 + Math.floor((place / tree.order.length) * lines) * ((HEIGHT - 2) / lines);
    const x = ((times.start[index] as number) - from) * scale;
    const wide = Math.max(((times.end[index] as number) - (times.start[index] as number)) * scale, 1.5);
    const entry = entries[index];
    if (model.innermost[index]) {
      errors.push([x, y, wide]);
      return;
    }
    context.globalAlpha = entry?.kind === "access_log" || entry?.kind === "attempt" ? 0.45 : 0.8;
    context.fillStyle = colour(colours.get(entry?.service ?? "") ?? "var(--quiet)");
    context.fillRect(x, y, wide, Math.max((HEIGHT - 2) / lines - 0.6, 1));
  });
  context.globalAlpha = 1;
  context.fillStyle = colour("var(--bad)");
  for (const [x, y, wide] of errors) context.fillRect(x, y, wide, Math.max((HEIGHT - 2) / lines - 0.6, 1.5));
  probe.remove();
}
