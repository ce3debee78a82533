import { expect, test } from "vitest";
import type { Hit, MeshEvent } from "../../api/queries";
import { failureGroups } from "./failureGroups";

const hit = (transaction_id: string, start: number, more: Partial<Hit> = {}) =>
  ({
    transaction_id,
    start_unix_nano: String(start),
    root: "POST /checkout",
    response_code: 503,
    response_flags: [],
    services: ["cart"],
    ...more,
  }) as unknown as Hit;
const event = (transaction_id: string, more: Partial<MeshEvent> = {}) =>
  ({
    transaction_id,
    began: null,
    kind: "timeout",
    proxy: "cart's outbound proxy",
    text: "timed out",
    ...more,
  }) as MeshEvent;

test("the same request with the same reason is one group, shown by its newest", () => {
  const groups = failureGroups(
    [hit("c", 3, { response_code: 500 }), hit("b", 2, { root: "POST /checkout?order=2" }), hit("a", 1)],
    [event("a"), event("b"), event("b", { began: {} as MeshEvent["began"], text: "left" })],
  );
  expect(
    groups.map((group) => [group.endpoint, group.code, group.count, group.newest.transaction_id, group.reason]),
  ).toEqual([
    ["POST /checkout", 500, 1, "c", ""],
    ["POST /checkout", 503, 2, "b", "cart's outbound proxy: timed out"],
  ]);
});

test("different reasons stand apart, and a retry is told only where nothing else is", () => {
  const groups = failureGroups(
    [hit("a", 1), hit("b", 2)],
    [
      event("a", { kind: "retry", text: "asked again" }),
      event("a"),
      event("b", { kind: "retry", text: "asked again" }),
    ],
  );
  expect(groups.map((group) => group.reason)).toEqual([
    "cart's outbound proxy: timed out",
    "cart's outbound proxy: asked again",
  ]);
});

test("without events, flags tell them apart", () => {
  expect(failureGroups([hit("a", 1, { response_flags: ["UF"] }), hit("b", 2)], [])).toHaveLength(2);
});
