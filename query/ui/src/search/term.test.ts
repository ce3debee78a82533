import { expect, test } from "vitest";
import { attribute, parts, term, toggled } from "./term";

test.each([
  ["cart", "service=cart"],
  ["GET /a b", 'service="GET /a b"'],
  ["a*", 'service="a\\*"'],
  ['say "no"', 'service="say \\"no\\""'],
  ["1..2", 'service="1..2"'],
  ["", 'service=""'],
  ["POST:/x?a=b", "service=POST:/x?a=b"],
])("the value %s is written %s", (value, written) => {
  expect(term("service", "=", value)).toBe(written);
});

test("attributes without a dot say that they are attributes", () => {
  expect(attribute("http.method")).toBe("http.method");
  expect(attribute("order")).toBe("attribute.order");
});

test("a search is cut at `and`, not within quotes and parentheses", () => {
  expect(parts('service=a and root="x and y" and (b=1 and c=2) status=error')).toEqual([
    "service=a",
    'root="x and y"',
    "(b=1 and c=2) status=error",
  ]);
  expect(parts("")).toEqual([]);
});

test.each([
  ["", "a=1"],
  ["b=2", "b=2 and a=1"],
  ["b=2 or c=3", "(b=2 or c=3) and a=1"],
  ["(b=2 or c=3)", "(b=2 or c=3) and a=1"],
  ['log:"this or that"', 'log:"this or that" and a=1'],
  ["b=2 and a=1", "b=2"],
  ["a=1", ""],
])("toggling a=1 in %s", (search, expected) => {
  expect(toggled(search, "a=1")).toBe(expected);
});
