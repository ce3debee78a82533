import { expect, test } from "vitest";
import type { Dependencies, ProxiedCalls } from "../../api/queries";
import { around, calls, services, severity } from "./graph";

const durations_ns = { "0.5": 1, "0.95": 2, "0.99": 3 };
const edge = (caller: string, callee: string, count: number, errors: number) => ({
  caller,
  callee,
  calls: count,
  calls_per_second: count / 60,
  errors,
  error_ratio: errors / count,
  durations_ns,
});
const proxied = (service: string, proxy_role: string, upstream_cluster: string, callee: string): ProxiedCalls => ({
  service,
  proxy_role,
  proxy: `${service}'s ${proxy_role}`,
  upstream_cluster,
  callee,
  calls: 4,
  calls_per_second: 1,
  errors: 4,
  error_ratio: 1,
  retried: 0,
  flags: [],
  durations_ns,
});
const answer: Dependencies = {
  dependencies: [edge("edge", "cart", 60, 0), edge("cart", "payment", 60, 3)],
  proxies: [
    proxied("cart", "sidecar-inbound", "cart-app", ""),
    proxied("cart", "sidecar-outbound", "outbound|80||payment", "payment"),
    proxied("payment", "sidecar-outbound", "ledger", ""),
    proxied("payment", "", "inbound|8080||", ""),
    proxied("edge", "edge", "", ""),
  ],
  since_unix_nano: "0",
  until_unix_nano: "60000000000",
};

test("calls have the proxies on their way, and those that nobody answered are there too", () => {
  const all = calls(answer);
  expect(all.map(({ from, to, known }) => [from, to, known])).toEqual([
    ["payment", "ledger", false],
    ["edge", "", false],
    ["cart", "payment", true],
    ["edge", "cart", true],
  ]);
  expect(all[2]?.proxies.map((one) => one.upstream_cluster)).toEqual(["outbound|80||payment", "inbound|8080||"]);
  expect(all[3]?.proxies.map((one) => one.upstream_cluster)).toEqual(["cart-app"]);
});

test("a service has what arrives at it", () => {
  const all = services(calls(answer));
  expect(all.map(({ name, known }) => [name, known])).toEqual([
    ["cart", true],
    ["edge", true],
    ["ledger", false],
    ["payment", true],
  ]);
  expect(all[3]).toMatchObject({ perSecond: 1, share: 0.05 });
  expect(all[1]).toMatchObject({ perSecond: 0, share: 0 });
});

test("only what is of or to a service", () => {
  expect(around(calls(answer), "cart").map(({ from, to }) => `${from} ${to}`)).toEqual(["cart payment", "edge cart"]);
  expect(around(calls(answer), "")).toHaveLength(4);
});

test.each([
  [0, "fine"],
  [0.01, "some"],
  [0.05, "many"],
])("a share of %s is %s", (share, says) => {
  expect(severity(share)).toBe(says);
});
