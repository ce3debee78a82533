import { expect, test } from "vitest";
import { ago } from "./ago";

test.each([
  [0, "0 s ago"],
  [59, "59 s ago"],
  [150, "2 min ago"],
  [7_300, "2 h ago"],
  [180_000, "2 d ago"],
  [-5, "0 s ago"],
])("%d seconds", (seconds, text) => {
  const now = 1_795_000_000_000;
  expect(ago(`${now - seconds * 1000}000000`, now)).toBe(text);
});
