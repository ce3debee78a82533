/** The place of the point nearest to (x, y), all in pixels, none further away than `reach`; -1 where there is none. */
export function nearest(points: readonly (readonly [number, number])[], x: number, y: number, reach: number): number {
  let found = -1;
  let least = reach * reach;
  points.forEach(([px, py], index) => {
    const distance = (px - x) ** 2 + (py - y) ** 2;
    if (distance <= least) {
      least = distance;
      found = index;
    }
  });
  return found;
}
