import { expect, test } from "vitest";
import { isoSeconds, moment } from "./moment";

const NOW = Date.UTC(2026, 10, 22, 14, 5, 30);

test.each([
  ["", "2026-11-22T14:05:30"],
  ["now", "2026-11-22T14:05:30"],
  ["15m", "2026-11-22T13:50:30"],
  ["1.5h", "2026-11-22T12:35:30"],
  ["2026-11-22T10:00", "2026-11-22T10:00:00"],
  ["2026-11-22T10:00:00+01:00", "2026-11-22T09:00:00"],
  ["1795356330.5", "2026-11-22T14:05:30"],
  ["soon", ""],
])("%s", (text, expected) => {
  expect(isoSeconds(moment(text, NOW))).toBe(expected);
});
