import { expect, test } from "vitest";
import { nearest } from "./nearest";

test("the nearest point within reach", () => {
  const points = [
    [0, 0],
    [10, 0],
    [10, 10],
  ] as const;
  expect(nearest(points, 9, 1, 20)).toBe(1);
  expect(nearest(points, 9, 8, 20)).toBe(2);
  expect(nearest(points, 50, 50, 20)).toBe(-1);
  expect(nearest([], 0, 0, 20)).toBe(-1);
});
