import { expect, test } from "vitest";
import { waitBefore } from "./waitBefore";

test("at once after an end, longer after each failure, never for long", () => {
  expect([0, 1, 2, 3].map(waitBefore)).toEqual([0, 500, 1000, 2000]);
  expect(waitBefore(50)).toBe(15_000);
});
