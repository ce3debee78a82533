/** Where services and calls stand on the map, in pixels; by dagre, callers before callees. Pure. */
import { layout as arrange, Graph } from "@dagrejs/dagre";
import { type Call, endOf, keyOf, type Service } from "./graph";

export type Point = { x: number; y: number };
export type Placed = {
  width: number;
  height: number;
  /** Centre of each service, by `endOf`. */
  services: ReadonlyMap<string, Point>;
  /** The way of each call and the place of its figures, by `keyOf`. */
  calls: ReadonlyMap<string, { way: readonly Point[]; label: Point }>;
};

export const NODE = { width: 150, height: 46 };
export const LABEL = { width: 138, height: 34 };

/** `down`: callers above callees instead of beside them. */
export function place(services: readonly Service[], calls: readonly Call[], down: boolean): Placed {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: down ? "TB" : "LR", nodesep: 28, ranksep: 44, edgesep: 18, marginx: 8, marginy: 8 });
  for (const { name, known } of services) graph.setNode(endOf(name, known), { ...NODE });
  const drawn = calls.filter(({ to }) => to !== "");
  for (const call of drawn) {
    graph.setEdge(endOf(call.from, true), endOf(call.to, call.known), { ...LABEL, labelpos: "c" }, keyOf(call));
  }
  arrange(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    width,
    height,
    services: new Map(
      services.map(({ name, known }) => {
        const { x, y } = graph.node(endOf(name, known)) as Point;
        return [endOf(name, known), { x, y }];
      }),
    ),
    calls: new Map(
      drawn.map((call) => {
        const edge = graph.edge(endOf(call.from, true), endOf(call.to, call.known), keyOf(call)) as Point & {
          points: Point[];
        };
        return [keyOf(call), { way: edge.points, label: { x: edge.x, y: edge.y } }];
      }),
    ),
  };
}

/** A smooth line through all of the points (Catmull and Rom's), as an SVG path. */
export function path(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  const curves = rest.map((point, index) => {
    const from = points[index] as Point;
    const before = points[index - 1] ?? from;
    const after = points[index + 2] ?? point;
    return `C${at(toward(from, before, point))} ${at(toward(point, after, from))} ${at(point)}`;
  });
  return `M${at(first)}${curves.join("")}`;
}

/** The control point of a curve at `point`, a sixth of the way between its neighbours. */
function toward(point: Point, from: Point, to: Point): Point {
  return { x: point.x + (to.x - from.x) / 6, y: point.y + (to.y - from.y) / 6 };
}

function at({ x, y }: Point): string {
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}
