/** What of a transaction is in view, as parameters of its address, so that a link shows another person the same. Pure. */
import { KINDS, type Kind, LEVELS, type Level } from "./words";

export const VIEWS = ["timeline", "logs", "spans", "flame", "statistics", "time"] as const;
export type View = (typeof VIEWS)[number];
export const VIEW_NAMES: Record<View, string> = {
  timeline: "Timeline",
  logs: "Logs",
  spans: "Spans",
  flame: "Flame graph",
  statistics: "Statistics",
  time: "Where time went",
};

export type InView = {
  view: View;
  /** Key of the selected entry; "" for none. */
  row: string;
  /** ns since the first entry; null for all of it. */
  zoom: readonly [number, number] | null;
  services: readonly string[];
  kinds: readonly Kind[];
  level: Level | "";
  errors: boolean;
  find: string;
  /** Rows that don't have the text are left out, instead of only the others being marked. */
  only: boolean;
  /** Rows this deep are folded; null for none. */
  depth: number | null;
  clock: "corrected" | "raw";
  path: boolean;
  /** Rows stand in one lane per service instead of below what caused them. */
  lanes: boolean;
  focus: string;
  sort: string;
};

export function read(parameters: URLSearchParams): InView {
  const zoom = /^(-?\d+)-(-?\d+)$/.exec(parameters.get("zoom") ?? "");
  const depth = parameters.get("depth") ?? "";
  return {
    view: VIEWS.find((view) => view === parameters.get("view")) ?? "timeline",
    row: parameters.get("row") ?? "",
    zoom: zoom && Number(zoom[1]) < Number(zoom[2]) ? [Number(zoom[1]), Number(zoom[2])] : null,
    services: parameters.getAll("service"),
    kinds: KINDS.filter((kind) => parameters.getAll("kind").includes(kind)),
    level: LEVELS.find((level) => level === parameters.get("level")) ?? "",
    errors: parameters.get("errors") === "1",
    // Jaeger's name for it.
    find: parameters.get("find") ?? parameters.get("uiFind") ?? "",
    only: parameters.get("only") === "1",
    depth: /^\d+$/.test(depth) ? Number(depth) : null,
    clock: parameters.get("clock") === "raw" ? "raw" : "corrected",
    path: parameters.get("path") === "1",
    lanes: parameters.get("lanes") === "1",
    focus: parameters.get("focus") ?? "",
    sort: parameters.get("sort") ?? "",
  };
}

/** The parameters after a change; what isn't ours stays, what is as it was to begin with is left out. */
export function write(parameters: URLSearchParams, change: Partial<InView>): URLSearchParams {
  const next = new URLSearchParams(parameters);
  const put = (name: string, value: string) => (value ? next.set(name, value) : next.delete(name));
  const all = (name: string, values: readonly string[]) => {
    next.delete(name);
    for (const value of values) next.append(name, value);
  };
  if (change.view !== undefined) put("view", change.view === "timeline" ? "" : change.view);
  if (change.row !== undefined) put("row", change.row);
  if (change.zoom !== undefined) put("zoom", change.zoom ? change.zoom.map(Math.round).join("-") : "");
  if (change.services) all("service", change.services);
  if (change.kinds) all("kind", change.kinds);
  if (change.level !== undefined) put("level", change.level);
  if (change.errors !== undefined) put("errors", change.errors ? "1" : "");
  if (change.find !== undefined) {
    put("find", change.find);
    next.delete("uiFind");
  }
  if (change.only !== undefined) put("only", change.only ? "1" : "");
  if (change.depth !== undefined) put("depth", change.depth === null ? "" : `${change.depth}`);
  if (change.clock !== undefined) put("clock", change.clock === "raw" ? "raw" : "");
  if (change.path !== undefined) put("path", change.path ? "1" : "");
  if (change.lanes !== undefined) put("lanes", change.lanes ? "1" : "");
  if (change.focus !== undefined) put("focus", change.focus);
  if (change.sort !== undefined) put("sort", change.sort);
  return next;
}
