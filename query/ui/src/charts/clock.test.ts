import { expect, test } from "vitest";
import { clock } from "./clock";

test.each([
  [300, "06:07:12"],
  [3_600, "06:07"],
  [172_800, "11-22 06:07"],
])("in a chart of %s s", (span, says) => {
  expect(clock(Date.parse("2026-11-22T06:07:12Z") / 1000, span)).toBe(says);
});
