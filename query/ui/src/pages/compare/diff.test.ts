import { expect, test } from "vitest";
import { access, log, span } from "../transaction/entries.test-data";
import { diff } from "./diff";
import { twoIds } from "./twoIds";

const changes = (...sides: Parameters<typeof diff>) =>
  diff(...sides).map(({ depth, name, change }) => [depth, name, change]);

test("what is in one only, what fails, what is slower", () => {
  const a = [
    span("root", { took: 10_000 }),
    span("cached", { parent: 0, took: 5_000 }),
    span("pay", { parent: 0, took: 5_000 }),
    log("order 4711 is paid", { parent: 2 }),
  ];
  const b = [
    span("root", { took: 30_000, error: true }),
    span("pay", { parent: 0, took: 20_000 }),
    log("order 4712 is paid", { parent: 1 }),
    span("retry", { parent: 0, took: 1 }),
  ];
  expect(changes(a, b)).toEqual([
    [0, "root", "failed in B"],
    [1, "cached", "only A"],
    [1, "pay", "slower"],
    [2, "info: order # is paid", "same"],
    [1, "retry", "only B"],
  ]);
  expect(changes(b, a).map(([, , change]) => change)).toEqual(["failed in A", "faster", "same", "only A", "only B"]);
});

test("a difference that is noise is none", () => {
  expect(changes([span("s", { took: 10 })], [span("s", { took: 900 })])).toEqual([[0, "s", "same"]]);
});

test("a proxy's record is the same whatever the query, and says what came of it", () => {
  const [one] = diff(
    [access("edge", {})],
    [access("edge", {}, { path: "/pay?order=1", response_code: 503, response_flags: "UF" })],
  );
  expect([one?.a.outcomes, one?.b.outcomes]).toEqual([["200"], ["503 UF"]]);
});

test("the same twice in one", () => {
  expect(changes([span("s", {})], [span("s", {}), span("s", {})])).toEqual([[0, "s", "count"]]);
});

test("nothing to compare", () => {
  expect(diff([], [])).toEqual([]);
});

test.each([
  ["a...b", ["a", "b"]],
  ["a", null],
  ["...b", null],
  ["a...", null],
  ["order-1...order 2", ["order-1", "order 2"]],
])("%s names %j", (text, ids) => {
  expect(twoIds(text)).toEqual(ids);
});
