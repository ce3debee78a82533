import { expect, test } from "vitest";
import type { Hit } from "../../api/queries";
import { merged } from "./merged";

const hit = (transaction_id: string, start: string, errors = 0) =>
  ({ transaction_id, start_unix_nano: start, errors }) as Hit;

test("what began since comes first, and what is known better replaces what was known", () => {
  const all = merged([hit("b", "20", 1), hit("c", "9000000000000000030")], [hit("b", "20"), hit("a", "10")]);
  expect(all.map((one) => one.transaction_id)).toEqual(["c", "b", "a"]);
  expect(all[1]?.errors).toBe(1);
});
