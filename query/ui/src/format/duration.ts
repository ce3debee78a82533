const UNITS: readonly (readonly [number, string])[] = [
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];

/** Nanoseconds in three significant digits and the largest unit that fits: "1.50 ms", "2 m 5 s". */
export function duration(nanoseconds: number): string {
  if (nanoseconds < 0) return `-${duration(-nanoseconds)}`;
  if (nanoseconds >= 60e9) {
    const seconds = Math.round(nanoseconds / 1e9);
    const rest = seconds % 60;
    return `${Math.floor(seconds / 60)} m${rest ? ` ${rest} s` : ""}`;
  }
  const [size, unit] = UNITS.find(([size]) => nanoseconds >= size) ?? ([1, "ns"] as const);
  const value = nanoseconds / size;
  const digits = size === 1 ? 0 : value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}
