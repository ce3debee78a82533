import { expect, test } from "vitest";
import { endpoint, endpointTerm } from "./endpoint";

test("an endpoint has no query string", () => {
  expect(endpoint("POST /checkout?order=4711")).toBe("POST /checkout");
  expect(endpoint("GET /a.b")).toBe("GET /a.b");
});

test("an endpoint's transactions are found with and without query strings", () => {
  expect(endpointTerm("POST /a.b", false)).toBe(String.raw`root~"^POST /a\.b(\?|$)"`);
  expect(endpointTerm("GET /b", true)).toBe('root="GET /b"');
});
