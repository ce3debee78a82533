import { count } from "./count";

const UNITS: readonly (readonly [number, string])[] = [
  [1, "s"],
  [60, "min"],
  [3_600, "h"],
];

/** So many a second, in the shortest unit of time in which it is one or more: "3.4k/s", "10/min", "0.5/h". */
export function rate(perSecond: number): string {
  if (perSecond === 0) return "0/s";
  const [seconds, unit] = UNITS.find(([seconds]) => perSecond * seconds >= 1) ?? ([3_600, "h"] as const);
  return `${count(perSecond * seconds)}/${unit}`;
}
