/** A share of 1 in two significant digits: "0.05 %", "2.6 %", "37 %". */
export function percent(share: number): string {
  const value = 100 * share;
  if (value === 0) return "0 %";
  if (value < 0.01) return "< 0.01 %";
  return `${value < 0.1 ? value.toFixed(2) : value < 9.95 ? value.toFixed(1) : Math.round(value)} %`;
}
