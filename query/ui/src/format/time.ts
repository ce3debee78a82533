/** Times come as decimal strings of nanoseconds, which JavaScript's numbers can't hold. */

/** Milliseconds since the epoch. */
export function milliseconds(nano: string): number {
  return Number(BigInt(nano) / 1_000_000n);
}

/** "2026-11-22 06:07:12.345" in UTC, as the logs have it. */
export function timestamp(nano: string): string {
  return new Date(milliseconds(nano)).toISOString().replace("T", " ").replace("Z", "");
}

/** "06:07:12.345" in UTC. */
export function clock(nano: string): string {
  return timestamp(nano).slice(11);
}
