import type { Facets } from "../../api/queries";

export type Rate = {
  service: string;
  requests: number;
  /** Of the requests through it, how many failed anywhere. */
  failed: number;
  share: number;
  /** The counts are of the newest requests only, so they are no rate. */
  sampled: boolean;
};

/** The service counts the newest so many transactions. */
export const COUNTED = 10_000;

/** By number of failures, then of requests. */
export function serviceRates(all: Facets, failed: Facets): Rate[] {
  const failures = new Map((failed.by.service ?? []).map((one) => [one.value, one.transactions]));
  return (all.by.service ?? [])
    .map(({ value, transactions }) => {
      const broken = Math.min(transactions, failures.get(value) ?? 0);
      return {
        service: value,
        requests: transactions,
        failed: broken,
        share: broken / transactions,
        sampled: all.of >= COUNTED,
      };
    })
    .sort((a, b) => b.failed - a.failed || b.requests - a.requests || a.service.localeCompare(b.service));
}
