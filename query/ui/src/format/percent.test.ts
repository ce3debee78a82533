import { expect, test } from "vitest";
import { percent } from "./percent";

test.each([
  [0, "0 %"],
  [0.000_001, "< 0.01 %"],
  [0.0005, "0.05 %"],
  [0.026, "2.6 %"],
  [0.0996, "10 %"],
  [1, "100 %"],
])("%s is %s", (share, says) => {
  expect(percent(share)).toBe(says);
});
