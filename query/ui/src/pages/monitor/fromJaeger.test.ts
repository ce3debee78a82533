import { expect, test } from "vitest";
import { fromJaeger } from "./fromJaeger";

test.each([
  ["service=cart&lookback=3600000", "service=cart&since=60m"],
  ["service=cart&lookback=2h&spanKind=server", "service=cart&since=120m&kind=server"],
  ["service=cart&spanKind=SPAN_KIND_CLIENT", "service=cart&kind=client"],
  ["service=cart&endTs=1795327632000&lookback=300000", "service=cart&since=1795327332&until=1795327632"],
  ["service=cart&lookback=soon", "service=cart"],
])("%s is %s", (theirs, ours) => {
  expect(fromJaeger(new URLSearchParams(theirs))?.toString()).toBe(ours);
});

test("our own parameters stay", () => {
  expect(fromJaeger(new URLSearchParams("service=cart&since=5m"))).toBeNull();
});
