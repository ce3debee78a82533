import type { EventCounts } from "../../api/queries";
import { intervals } from "../events/intervals";

/** How many events a service's proxies reported, interval by interval. */
export function Sparkline({ counts, service }: { counts: EventCounts; service: string }) {
  const own = counts.counts.filter((one) => one.service === service);
  const total = own.reduce((sum, one) => sum + one.count, 0);
  if (total === 0) return <span className="quiet">none</span>;
  const bars = intervals({ ...counts, counts: own }).map((it) => it.total);
  const most = Math.max(...bars);
  return (
    <svg className="sparkline" viewBox={`0 0 ${bars.length} 20`} preserveAspectRatio="none" role="img">
      <title>{`${total} events, at most ${most} at a time`}</title>
      {bars.map((value, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an interval is its place
        <rect key={at} x={at + 0.1} width={0.8} y={20 - (19 * value) / most} height={(19 * value) / most} />
      ))}
    </svg>
  );
}
