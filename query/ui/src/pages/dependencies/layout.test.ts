import { expect, test } from "vitest";
import { type Call, endOf, keyOf, services } from "./graph";
import { path, place } from "./layout";

const call = (from: string, to: string, known = true) =>
  ({ from, to, known, perSecond: 1, share: 0, calls: 1, errors: 0, durations: {}, proxies: [] }) as Call;
const all = [
  call("edge", "cart"),
  call("cart", "payment"),
  call("payment", "cart"),
  call("cart", "cart", false),
  call("edge", "", false),
];

test("callers stand before callees, and everything is on the map", () => {
  const placed = place(services(all), all, false);
  const x = (name: string, known = true) => placed.services.get(endOf(name, known))?.x ?? Number.NaN;
  expect(x("edge")).toBeLessThan(x("cart"));
  expect(x("cart")).toBeLessThan(x("cart", false));
  expect(placed.calls.size).toBe(4);
  for (const one of all.slice(0, 4)) {
    const { way, label } = placed.calls.get(keyOf(one)) ?? { way: [], label: { x: Number.NaN, y: 0 } };
    expect(way.length).toBeGreaterThan(1);
    expect(label.x).toBeLessThanOrEqual(placed.width);
  }
  const down = place(services(all), all, true);
  expect(down.services.get(endOf("edge", true))?.y).toBeLessThan(down.services.get(endOf("cart", true))?.y ?? 0);
});

test("a path goes through all of its points", () => {
  const points = [
    { x: 0, y: 0 },
    { x: 6, y: 6 },
    { x: 12, y: 0 },
  ];
  expect(path([])).toBe("");
  expect(path(points.slice(0, 2))).toBe("M0.0,0.0C1.0,1.0 5.0,5.0 6.0,6.0");
  expect(path(points)).toBe("M0.0,0.0C1.0,1.0 4.0,6.0 6.0,6.0C8.0,6.0 11.0,1.0 12.0,0.0");
});
