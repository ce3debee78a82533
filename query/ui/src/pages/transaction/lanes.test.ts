import { expect, test } from "vitest";
import { times } from "./clocks";
import { log, span } from "./entries.test-data";
import { busy, intoLanes } from "./lanes";

const ENTRIES = [
  span("checkout", { service: "edge", took: 100 }),
  span("POST /checkout", { service: "cart", parent: 0, at: 10, took: 80 }),
  log("paid", { service: "cart", parent: 1, at: 85 }),
  span("charge", { service: "payment", parent: 1, at: 20, took: 10, error: true }),
  span("callback", { service: "cart", parent: 3, at: 25, took: 3 }),
  span("charge", { service: "payment", parent: 1, at: 60, took: 10 }),
];

test("every entry is in its service's lane, below its cause where that is there too", () => {
  const { tree, lanes } = intoLanes(ENTRIES, ["edge", "cart", "payment"]);
  expect(tree.order).toEqual([6, 0, 7, 1, 2, 4, 8, 3, 5]);
  expect([...tree.depth]).toEqual([1, 1, 2, 1, 1, 1, 0, 0, 0]);
  expect(lanes.map(({ service, entries, errors }) => [service, entries.length, errors])).toEqual([
    ["edge", 1, 0],
    ["cart", 3, 0],
    ["payment", 2, 1],
  ]);
});

test("a service that the summary doesn't name has a lane too", () => {
  expect(intoLanes(ENTRIES, ["edge"]).lanes.map(({ service }) => service)).toEqual(["edge", "cart", "payment"]);
});

test("a lane is busy while any of its rows lasts", () => {
  const [, , payment] = intoLanes(ENTRIES, ["edge", "cart", "payment"]).lanes;
  const when = times(ENTRIES, false);
  expect(payment && busy(payment, when, 0)).toEqual([
    [20_000, 30_000],
    [60_000, 70_000],
  ]);
  expect(payment && busy(payment, when, 30_000)).toEqual([[20_000, 70_000]]);
});
