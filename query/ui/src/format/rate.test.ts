import { expect, test } from "vitest";
import { rate } from "./rate";

test.each([
  [0, "0/s"],
  [3_400, "3.4k/s"],
  [1.5, "1.5/s"],
  [0.174, "10/min"],
  [0.0011, "4.0/h"],
])("%s a second is %s", (perSecond, says) => {
  expect(rate(perSecond)).toBe(says);
});
