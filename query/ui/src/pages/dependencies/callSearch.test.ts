import { expect, test } from "vitest";
import { callSearch } from "./callSearch";
import type { Call } from "./graph";

const call = (more: Partial<Call>): Call => ({
  from: "cart",
  to: "payment",
  known: true,
  perSecond: 1,
  calls: 1,
  errors: 0,
  share: 0,
  durations: {},
  proxies: [],
  ...more,
});

test("between two services: both are in it; the callee failed", () => {
  expect(callSearch(call({}))).toBe("service=cart and service=payment");
  expect(callSearch(call({}), true)).toBe("service=cart and service=payment status=error");
});

test("to an upstream that nobody answered for: as the proxy names it", () => {
  const outbound = call({ to: "outbound|80||my ledger", known: false });
  expect(callSearch(outbound, true)).toBe('service=cart cluster="outbound|80||my ledger" status=error');
});

test("answered by the proxy itself: its flag", () => {
  const flags = [{ flag: "NR", text: "", calls: 4 }];
  expect(callSearch(call({ to: "", known: false, proxies: [{ flags } as unknown as Call["proxies"][number]] }))).toBe(
    "service=cart flags=NR",
  );
  expect(callSearch(call({ to: "", known: false }))).toBe("service=cart attempts=0");
});
