import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { askAgain, quoted, sendAgain } from "./curl";
import { access, log, span } from "./entries.test-data";

test.each(["plain", "two words", 'it\'s $(rm -rf /) `id` \\ "x"', "", "new\nline", "--option", "*"])(
  "a shell takes %j as one word",
  (text) => {
    expect(execFileSync("/bin/sh", ["-c", `printf %s ${quoted(text)}`], { encoding: "utf-8" })).toBe(text);
  },
);

test("what a proxy forwarded", () => {
  expect(sendAgain(access("edge", {}, { method: "POST", path: "/pay?a=1&b='x'" }))).toBe(
    "curl -i -X POST -- 'http://shop/pay?a=1&b='\\''x'\\'''",
  );
});

test.each([log("a line", {}), span("s", {}, { attributes: { "url.full": "file:///etc/passwd" } })])(
  "no command where nothing was sent over HTTP",
  (entry) => {
    expect(sendAgain(entry)).toBe("");
  },
);

test("the transaction once more", () => {
  expect(askAgain("http://weft:1", "/base", "order 1/2")).toBe(
    "curl -s http://weft:1/base/api/v1/transactions/order%201%2F2",
  );
});
