import { expect, test } from "vitest";
import { brief, oneLine, printable } from "./printable";

test.each([
  ["plain äöü 中文 שלום", "plain äöü 中文 שלום"],
  ["\u001b[31mred\u0007", "\\x1b[31mred\\x07"],
  ["a\u202egnp.exe", "a\\u202egnp.exe"],
  ["zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"],
  ["👩‍👩‍👧 family", "👩‍👩‍👧 family"],
  ["tag\u{e0041}", "tag\\u{e0041}"],
  ["two\r\nlines\tand a tab", "two\nlines\tand a tab"],
  ["lone \ud800 surrogate", "lone \\ud800 surrogate"],
  ["<script>alert(1)</script>", "<script>alert(1)</script>"],
])("%j is shown as %j", (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test("one line has no line breaks and an end", () => {
  expect(oneLine("  first\n   second\tthird\n")).toBe("first ⏎ second third");
  expect(oneLine("x".repeat(100_000)).length).toBeLessThan(1_100);
});

test("a name of reasonable length stays, another is cut", () => {
  expect(brief("my\ncart")).toBe("my ⏎ cart");
  expect(brief("W".repeat(20_000), 3)).toBe("WWW…");
});
