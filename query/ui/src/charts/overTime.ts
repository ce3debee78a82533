/** What all charts over time have in common: their axes, the style sheet's colours, and when they are drawn anew. */
import uPlot from "uplot";
import { clock, clockSpan } from "./clock";

/** The value of a token of the style sheet where the chart stands, at the time of drawing. */
export function tone(element: HTMLElement, name: string): () => string {
  return () => getComputedStyle(element).getPropertyValue(name);
}

/** Options of a chart in `element`, `height` pixels high; `values` is its axis of values. Times are UTC. */
export function overTime(
  element: HTMLElement,
  height: number,
  values: uPlot.Axis,
): Pick<uPlot.Options, "width" | "height" | "legend" | "padding" | "tzDate" | "axes"> {
  const axis: uPlot.Axis = {
    stroke: tone(element, "--quiet"),
    grid: { stroke: tone(element, "--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    // The last time of day stands on the edge.
    padding: [8, 20, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
    axes: [
      { ...axis, size: 28, space: 80, values: (u, ticks) => ticks.map((it) => clock(it, clockSpan(u))) },
      { ...axis, ...values },
    ],
  };
}

/** Draws it anew when its place or the colours change, until what is returned is called: that removes it. */
export function keepDrawn(u: uPlot, element: HTMLElement): () => void {
  const resized = new ResizeObserver(() => u.setSize({ width: element.clientWidth, height: u.height }));
  resized.observe(element);
  const redraw = () => u.redraw();
  const themed = new MutationObserver(redraw);
  themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", redraw);
  return () => {
    resized.disconnect();
    themed.disconnect();
    scheme.removeEventListener("change", redraw);
    u.destroy();
  };
}
