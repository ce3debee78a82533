import { expect, test } from "vitest";
import { spanSearch } from "./spanSearch";

test("spans of a service, of an operation, failed or slow", () => {
  const cart = { service: "my cart", operation: "", kind: "server" };
  expect(spanSearch(cart)).toBe('service="my cart" kind=server');
  expect(spanSearch({ ...cart, operation: "GET /*" }, "failed")).toBe(
    'service="my cart" kind=server name="GET /\\*" status=error',
  );
  expect(spanSearch(cart, 1_234_567)).toBe('service="my cart" kind=server duration>=1234us');
});
