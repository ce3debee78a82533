import { expect, test } from "vitest";
import type { Entry } from "../../api/queries";
import { times } from "./clocks";
import { criticalPath, timeSplit } from "./criticalPath";
import { access, attempt, span } from "./entries.test-data";
import { grow } from "./tree";

function pathOf(entries: Entry[]) {
  const tree = grow(entries);
  const path = criticalPath(entries, tree, times(entries, tree, true));
  return {
    path: path.map(({ index, start, end }) => [index, start / 1000, end / 1000]),
    split: timeSplit(entries, tree, path),
  };
}

test("going back from the end, the request waited for whoever ended last", () => {
  const { path } = pathOf([
    span("root", { took: 100 }),
    span("a", { parent: 0, at: 10, took: 30 }),
    span("b", { parent: 0, at: 20, took: 60 }),
    span("in b", { parent: 2, at: 25, took: 5 }),
  ]);
  expect(path).toEqual([
    [0, 0, 10],
    [1, 10, 20],
    [2, 20, 25],
    [3, 25, 30],
    [2, 30, 80],
    [0, 80, 100],
  ]);
});

test("what goes on after the answer was not waited for", () => {
  const { path } = pathOf([span("root", { took: 10 }), span("late", { parent: 0, at: 5, took: 500 })]);
  expect(path).toEqual([
    [0, 0, 5],
    [1, 5, 10],
  ]);
});

test("a proxy's access log doesn't hide what its span caused", () => {
  const proxy = { resource: { "weftline.proxy.role": "edge" }, span_id: "e1" };
  const { path, split } = pathOf([
    span("ingress", { took: 100, service: "edge" }, { ...proxy, span_kind: "server" }),
    access("edge", { parent: 0, took: 99, service: "edge" }, { span_id: "e1" }),
    span("egress", { parent: 0, at: 10, took: 80, service: "edge" }, { ...proxy, span_id: "e2", span_kind: "client" }),
    attempt(1, { parent: 2, at: 10, took: 79, service: "edge" }, { proxy_role: "edge", upstream_span_id: "e2" }),
    span("POST /", { parent: 2, at: 20, took: 50 }, { span_kind: "server" }),
  ]);
  expect(path.map(([index]) => index)).toEqual([0, 2, 4, 2, 0]);
  expect(split).toEqual([
    { place: "service", service: "cart", time: 50_000, inferred: false, longest: 4 },
    { place: "network", service: "edge", time: 30_000, inferred: true, longest: 2 },
    { place: "proxy", service: "edge", time: 20_000, inferred: false, longest: 0 },
  ]);
});

test("the shares add up to the whole, whatever overlaps", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  for (let round = 0; round < 200; round++) {
    const entries: Entry[] = [span("root", { took: 1000 })];
    for (let index = 1; index < 30; index++) {
      entries.push(
        span(`s${index}`, {
          parent: random(index),
          at: random(1200) - 100,
          took: random(700),
          service: `s${random(3)}`,
        }),
      );
    }
    const tree = grow(entries);
    const path = criticalPath(entries, tree, times(entries, tree, round % 2 === 0));
    const total = path.reduce((sum, { start, end }) => sum + end - start, 0);
    const longest = Math.max(...entries.filter(({ parent }) => parent === null).map((entry) => entry.duration_ns));
    expect(total).toBe(longest);
    path.slice(1).forEach((segment, at) => {
      expect(segment.start).toBe(path[at]?.end);
    });
    expect(timeSplit(entries, tree, path).reduce((sum, share) => sum + share.time, 0)).toBe(longest);
  }
});

test("only log lines have no path", () => {
  expect(pathOf([])).toEqual({ path: [], split: [] });
});
