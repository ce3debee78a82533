import { expect, test } from "vitest";
import { twoIds } from "./twoIds";

test.each([
  ["a...b", ["a", "b"]],
  ["a", null],
  ["...b", null],
  ["a...", null],
  ["order-1...order 2", ["order-1", "order 2"]],
])("%s names %j", (text, ids) => {
  expect(twoIds(text)).toEqual(ids);
});
