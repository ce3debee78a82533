import { expect, test } from "vitest";
import type { SearchField } from "../api/queries";
import { complete } from "./completion";

const FIELDS: SearchField[] = [
  { name: "service", type: "text", operators: ["=", "!=", "~"], description: "who", values: [] },
  { name: "status", type: "text", operators: ["=", "!="], description: "how", values: ["unset", "ok", "error"] },
  { name: "level", type: "level", operators: ["=", ">="], description: "of a log line", values: [] },
];

function options(text: string, caret = text.length): string[] {
  return complete(text, caret, FIELDS, ["cart", "card service", "payment"]).options.map((one) => one.text);
}

test.each([
  ["", ["service=", "status=", "level="]],
  ["s", ["service=", "status="]],
  ["st", ["status="]],
  ["status", ["status=", "status!="]],
  ["status=", ["unset", "ok", "error"]],
  ["status=e", ["error"]],
  ["status=error", []],
  ["service=ca", ["cart"]],
  ['service="ca', ['"card service"']],
  ["service = p", ["payment"]],
  ["(level>=w", ["warn"]],
  ["status=error a", ["and"]],
  ["status=error ", ["and", "or", "not", "service=", "status=", "level="]],
  ['log:"text', []],
  ["http.route=", []],
])("'%s' could go on with %s", (text, expected) => {
  expect(options(text)).toEqual(expected);
});

test("what stands after the caret in the same word is replaced", () => {
  expect(complete("serv=cart", 2, FIELDS, [])).toMatchObject({ from: 0, to: 9 });
});
