const LEAST_MS = 500;
const MOST_MS = 15_000;

/** ms to wait before another try, after so many failures in a row: twice as long each time, a quarter of a minute at the most. */
export function waitBefore(failures: number): number {
  return failures === 0 ? 0 : Math.min(LEAST_MS * 2 ** (failures - 1), MOST_MS);
}
