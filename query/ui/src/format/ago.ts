const UNITS: readonly (readonly [number, string])[] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

/** How long before `now` (ms) a time (ns, decimal string) was, in its largest unit: "3 min ago". */
export function ago(nano: string, now: number): string {
  const seconds = Math.max(0, Math.round(now / 1000 - Number(BigInt(nano) / 1_000_000n) / 1000));
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? ([1, "s"] as const);
  return `${Math.floor(seconds / size)} ${unit} ago`;
}
