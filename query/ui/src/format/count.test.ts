import { expect, test } from "vitest";
import { count } from "./count";

test.each([
  [0, "0"],
  [0.42, "0.4"],
  [1, "1"],
  [12.4, "12"],
  [3_400, "3.4k"],
  [12_000_000, "12M"],
])("%d", (value, text) => {
  expect(count(value)).toBe(text);
});
