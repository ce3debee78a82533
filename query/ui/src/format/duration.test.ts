import { expect, test } from "vitest";
import { duration } from "./duration";

test.each([
  [0, "0 ns"],
  [999, "999 ns"],
  [1_500, "1.50 µs"],
  [12_340_000, "12.3 ms"],
  [999_000_000, "999 ms"],
  [1_000_000_000, "1.00 s"],
  [60_000_000_000, "1 m"],
  [125_000_000_000, "2 m 5 s"],
  [-1_500_000, "-1.50 ms"],
])("%d ns is %s", (nanoseconds, text) => {
  expect(duration(nanoseconds)).toBe(text);
});
