import { expect, test } from "vitest";
import type { ProxyHealth } from "../../api/queries";
import { remarksOnCluster, remarksOnProxy } from "./remarks";

const proxy = (more: Partial<ProxyHealth>) =>
  ({ loses: false, recorded: 5, lost: 0, uncertainty: 1, dropped: 0, spans_dropped: 0, ...more }) as ProxyHealth;
const cluster = (more: object) =>
  ({ breakers_open: {}, hosts: 2, healthy_hosts: 2, connect_ms: null, ...more }) as ProxyHealth["clusters"][number];

test("a healthy proxy needs no word", () => {
  expect(remarksOnProxy(proxy({}))).toEqual([]);
  expect(remarksOnCluster(cluster({ breakers_open: { cx: 0 }, timeouts: 0, connect_ms: 3 }))).toEqual([]);
});

test.each([
  [{ loses: true, recorded: 0 }, "No access log arrived"],
  [{ loses: true, dropped: 7 }, "dropped 7"],
  [{ lost: -4 }, "arrive twice"],
  [{ spans_dropped: 3 }, "3 spans dropped"],
])("%o", (more, text) => {
  expect(remarksOnProxy(proxy(more))[0]?.text).toContain(text);
});

test.each([
  [{ breakers_open: { rq_pending: 0.084 } }, "circuit breaker rq_pending open at 8 % of looks", "bad"],
  [{ pending_overflow: 48 }, "48 refused: too many waited for a connection", "bad"],
  [{ timeouts: 2 }, "2 timeouts", "warn"],
  [{ healthy_hosts: 1 }, "1 of 2 hosts healthy", "bad"],
  [{ connect_ms: 140.4 }, "a connection takes 140 ms", "warn"],
])("%o", (more, text, severity) => {
  expect(remarksOnCluster(cluster(more))).toEqual([{ text, severity }]);
});
