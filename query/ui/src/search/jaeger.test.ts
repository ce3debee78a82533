import { expect, test } from "vitest";
import { fromJaeger } from "./jaeger";

function converted(query: string): Record<string, string> | null {
  const ours = fromJaeger(new URLSearchParams(query));
  return ours && Object.fromEntries(ours);
}

test("a link of Jaeger's search page", () => {
  const link =
    "end=1795327632123456&limit=20&lookback=1h&maxDuration=1m30s&minDuration=1.2s&service=cart&operation=GET%20%2Fpay" +
    "&start=1795324032000000&tags=%7B%22error%22%3A%22true%22%2C%22http.status_code%22%3A%22500%22%2C%22order%22%3A%22a%20b%22%7D";
  expect(converted(link)).toEqual({
    q: 'service=cart name="GET /pay" status=error http.status_code=500 attribute.order="a b" duration>=1.2s duration<=90000000000ns',
    since: "1795324032.000000",
    until: "1795327632.123456",
    limit: "20",
  });
});

test.each([
  ["service=cart&lookback=2d&operation=all", { q: "service=cart", since: "2d" }],
  ["service=cart&lookback=custom", { q: "service=cart" }],
  ["service=cart&tag=span.kind:SERVER&tag=a.b:c:d", { q: "service=cart kind=server a.b=c:d" }],
  ["service=cart&tags=%7Bnonsense", { q: "service=cart" }],
  ["service=cart&minDuration=soon&limit=5000", { q: "service=cart", limit: "1000" }],
  ["traceID=abc&traceID=def", { q: "id=abc or id=def" }],
])("%s", (query, expected) => {
  expect(converted(query)).toEqual(expected);
});

test.each(["", "q=status%3Derror&service=cart", "since=1h", "limit=20"])("'%s' is not Jaeger's", (query) => {
  expect(converted(query)).toBeNull();
});
