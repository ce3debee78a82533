import { expect, test } from "vitest";
import type { Facets } from "../../api/queries";
import { serviceRates } from "./serviceRates";

const facets = (of: number, service: Record<string, number>): Facets => ({
  of,
  by: { service: Object.entries(service).map(([value, transactions]) => ({ value, transactions })) },
});

test("services with failures come first", () => {
  const rates = serviceRates(facets(100, { edge: 100, cart: 80, payment: 80 }), facets(8, { payment: 8, edge: 4 }));
  expect(rates.map((one) => [one.service, one.failed, one.share])).toEqual([
    ["payment", 8, 0.1],
    ["edge", 4, 0.04],
    ["cart", 0, 0],
  ]);
  expect(rates[0]?.sampled).toBe(false);
});

test("counts of the newest requests only are no rate", () => {
  expect(serviceRates(facets(10_000, { edge: 1 }), facets(0, {}))[0]?.sampled).toBe(true);
});
