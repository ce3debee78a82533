import { expect, test } from "vitest";
import { log, span } from "./entries.test-data";
import { causes, grow, shown } from "./tree";

// The service orders by time, so the branches are mixed.
const ENTRIES = [
  span("root", {}),
  span("a", { parent: 0 }),
  span("b", { parent: 0 }),
  log("in a", { parent: 1 }),
  log("in b", { parent: 2, error: true }),
  log("elsewhere", {}),
];
const TREE = grow(ENTRIES.map(({ parent }) => parent));

test("each entry is followed by what it caused", () => {
  expect(TREE.order).toEqual([0, 1, 3, 2, 4, 5]);
  expect([...TREE.depth]).toEqual([0, 1, 1, 2, 2, 0]);
  expect(TREE.end[0]).toBe(5);
  expect(TREE.end[1]).toBe(3);
  expect(TREE.deepest).toBe(2);
  expect(causes(TREE, 4)).toEqual([2, 0]);
});

test("nothing below a folded one has a row", () => {
  expect(shown(TREE, (index) => index === 1, null).rows).toEqual([0, 1, 2, 4, 5]);
});

test("with a filter, causes stay as context and the rest goes", () => {
  const { rows, context } = shown(
    TREE,
    () => false,
    (index) => ENTRIES[index]?.error === true,
  );
  expect(rows).toEqual([0, 2, 4]);
  expect([...context].sort()).toEqual([0, 2]);
});

test("a chain of 100,000 doesn't overflow the stack", () => {
  const chain = Array.from({ length: 100_000 }, (_, index) => (index ? index - 1 : null));
  expect(grow(chain).deepest).toBe(99_999);
});

test("nothing is nothing", () => {
  expect(grow([]).order).toEqual([]);
});
