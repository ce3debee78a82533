import { expect, test } from "vitest";
import { facetTerm } from "./facetTerm";

test.each([
  ["service", "cart", "service=cart"],
  ["root", "POST /a.b", String.raw`root~"^POST /a\.b(\?|$)"`],
  ["flags", "UF", "flags=UF"],
  ["status", "error", "errors>0"],
  ["status", "unset", "errors=0"],
  ["response_code", "503", "code=503"],
  ["duration", "67108864", "total=33554432ns..67108864ns"],
])("%s %s", (facet, value, expected) => {
  expect(facetTerm(facet, value)).toBe(expected);
});
