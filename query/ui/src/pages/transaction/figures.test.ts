import { expect, test } from "vitest";
import { access, log, span } from "./entries.test-data";
import { nameOf, shape, statistics } from "./figures";
import { boxes, flame } from "./flame";
import { grow } from "./tree";

const ENTRIES = [
  span("root", { took: 100 }, { self_ns: 50_000 }),
  span("query", { parent: 0, at: 10, took: 30 }),
  span("query", { parent: 0, at: 20, took: 40 }),
  log("order 4711 is paid", { parent: 0, at: 90 }),
];
const TREE = grow(ENTRIES.map(({ parent }) => parent));

test("by name", () => {
  expect(
    statistics(ENTRIES, "name").map(({ name, count, total, self, longest, example }) => [
      name,
      count,
      total,
      self,
      longest,
      example,
    ]),
  ).toEqual([
    ["query", 2, 70_000, 70_000, 40_000, 2],
    ["root", 1, 100_000, 50_000, 100_000, 0],
    ["info: order # is paid", 1, 0, 0, 0, 3],
  ]);
});

test("by service", () => {
  expect(statistics(ENTRIES, "service")).toMatchObject([{ service: "cart", count: 4, self: 120_000 }]);
});

test("the flame graph merges what has the same causes", () => {
  const root = flame(ENTRIES, TREE);
  expect(root.time).toBe(120_000);
  expect(boxes(root, "", 0).map(({ node, depth, left, width }) => [node.name, node.count, depth, left, width])).toEqual(
    [
      ["every entry", 0, 0, 0, 1],
      ["root", 1, 1, 0, 1],
      ["query", 2, 2, 0, 70 / 120],
    ],
  );
  expect(boxes(root, "0.0", 0).map(({ node }) => node.name)).toEqual(["query"]);
  expect(boxes(root, "9.9", 0)[0]?.node).toBe(root);
});

test.each([
  ["order 4711 of 0af7651916cd43dd8448eb211c80319c", "order # of #"],
  ["POST /pay/9e5d4c1a-7b1f-4c3e-8f5a-0d2b6a7c8e90", "POST /pay/#"],
  ["the default facade", "the default facade"],
  ["took 1.5 ms", "took # ms"],
])("%s has the shape %s", (text, expected) => {
  expect(shape(text)).toBe(expected);
});

test("a proxy's record is named without its query", () => {
  expect(nameOf(access("sidecar-inbound", {}))).toBe("inbound proxy: GET /pay");
});
