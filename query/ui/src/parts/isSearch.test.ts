import { expect, test } from "vitest";
import { isSearch } from "./isSearch";

test.each([
  "0af7651916cd43dd8448eb211c80319c",
  "9e5d4c1a-7b1f-4c3e-8f5a-0d2b6a7c8e90",
  "order-4711",
  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "x-request-id: 9e5d4c1a-7b1f-4c3e-8f5a-0d2b6a7c8e90",
])("%s is an ID", (text) => {
  expect(isSearch(text)).toBe(false);
});

test.each(["status=error", "flags~UO", "log:timeout", "duration > 5ms", "card declined", "http.route=/pay/*"])(
  "%s is a search",
  (text) => {
    expect(isSearch(text)).toBe(true);
  },
);
