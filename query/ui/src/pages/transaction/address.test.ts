import { expect, test } from "vitest";
import { read, write } from "./address";

test("what is written is read again", () => {
  const wanted = {
    view: "logs",
    row: "s.00f067aa0ba902b7",
    zoom: [-5, 3_000_000],
    services: ["cart", "a&b=c"],
    kinds: ["access_log", "log"],
    level: "warn",
    errors: true,
    find: "50% <off>",
    only: true,
    depth: 2,
    clock: "raw",
    lanes: true,
    path: true,
    focus: "0.1",
    sort: "-duration",
  } as const;
  expect(read(new URLSearchParams(write(new URLSearchParams(), wanted).toString()))).toEqual(wanted);
});

test("nothing in the address is the plain timeline", () => {
  const plain = read(new URLSearchParams());
  expect(plain).toMatchObject({ view: "timeline", row: "", zoom: null, depth: null, clock: "corrected" });
  expect(write(new URLSearchParams(), plain).toString()).toBe("");
});

test.each(["view=<script>", "zoom=9-1", "zoom=x", "depth=-1", "level=loud", "kind=toString", "clock=no"])(
  "%s is as good as nothing",
  (text) => {
    expect(read(new URLSearchParams(text))).toEqual(read(new URLSearchParams()));
  },
);

test("Jaeger's name for find is understood, and other parameters stay", () => {
  const parameters = new URLSearchParams("uiFind=boom&uiEmbed=v0");
  expect(read(parameters).find).toBe("boom");
  expect(write(parameters, { find: "bang" }).toString()).toBe("uiEmbed=v0&find=bang");
});
