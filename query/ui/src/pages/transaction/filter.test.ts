import { expect, test } from "vitest";
import { read } from "./address";
import { attemptsOf, indexAttempts } from "./attemptIndex";
import { times } from "./clocks";
import { access, attempt, log, span } from "./entries.test-data";
import { filterOf, has } from "./filter";
import { ticks } from "./ticks";
import { described, keys, levelOf, words } from "./words";

const ENTRIES = [
  span("checkout", { error: true }, { attributes: { "order.id": "Ä4711" } }),
  log("fine", {}, 9),
  log("hm", {}, 13),
  access(
    "sidecar-outbound",
    { service: "payment" },
    { response_flags: "UF", response_flags_text: "could not connect" },
  ),
];
const passing = (address: string) => {
  const filter = filterOf(read(new URLSearchParams(address)));
  return ENTRIES.flatMap((entry, index) => (!filter || filter(entry) ? [index] : []));
};

test.each([
  ["", [0, 1, 2, 3]],
  ["errors=1", [0]],
  ["service=payment", [3]],
  ["service=payment&service=cart", [0, 1, 2, 3]],
  ["kind=log", [1, 2]],
  ["level=warn", [0, 2, 3]],
  ["kind=log&level=warn", [2]],
  ["find=ä4711&only=1", [0]],
  ["find=ä4711", [0, 1, 2, 3]],
] as const)("%j leaves %j", (address, left) => {
  expect(passing(address)).toEqual(left);
});

test("flags are found by their words too", () => {
  expect(has(ENTRIES[3] as never, "NOT connect")).toBe(true);
});

test("a record in words", () => {
  expect(
    words(access("sidecar-outbound", {}, { upstream_attempts: 2, upstream_cluster: "payment", response_code: 503 })),
  ).toMatchObject({
    service: "cart",
    proxy: "outbound proxy",
    text: "GET /pay?order=4711",
    code: 503,
    note: "2 attempts · to payment",
  });
  expect(words(access("edge", { service: "edge" })).proxy).toBe("proxy");
  expect(described(access("edge", { error: true }, { response_code: 0, response_flags_text: "the client left" }))).toBe(
    "proxy's access log, error, no response, the client left",
  );
});

test.each([
  [17, "", "error"],
  [0, "WARNING", "warn"],
  [0, "CRITICAL", "fatal"],
  [0, "", undefined],
] as const)("level %d %s", (number, text, level) => {
  expect(levelOf(number, text)).toBe(level);
});

test("keys tell equal rows apart", () => {
  const same = [log("a", {}), log("b", {}), span("s", {})];
  expect(keys(same)).toEqual(["l.1795327632000000000", "l.1795327632000000000.1", "s.000000000000000s"]);
});

test("attempts belong to the request of the same proxy, connection and time", () => {
  const entries = [
    access("sidecar-outbound", { at: 0, took: 100 }, { upstream_attempts: 2 }),
    attempt(1, { at: 10, took: 20 }),
    attempt(2, { at: 50, took: 20 }),
    attempt(1, { at: 10, took: 20 }, { request_id: "other" }),
    access("sidecar-outbound", { at: 200, took: 100 }),
    attempt(1, { at: 210, took: 20 }),
  ];
  const at = times(entries, false);
  expect(attemptsOf(indexAttempts(entries), entries, at, 0)).toEqual([1, 2]);
  expect(attemptsOf(indexAttempts(entries), entries, at, 2)).toEqual([1, 2]);
  expect(attemptsOf(indexAttempts(entries), entries, at, 5)).toEqual([5]);
  expect(attemptsOf(indexAttempts(entries), entries, at, 3)).toEqual([3]);
});

test.each([
  [0, 100, 5, [0, 20, 40, 60, 80, 100]],
  [-30, 45, 4, [-20, 0, 20, 40]],
  [5, 5, 5, []],
])("axis from %d to %d", (from, to, count, marks) => {
  expect(ticks(from, to, count)).toEqual(marks);
});
