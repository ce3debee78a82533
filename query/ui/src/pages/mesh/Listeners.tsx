import type { ProxyHealth } from "../../api/queries";

/** Listeners whose new connections fell on few of Envoy's workers, each worker's share as a bar. */
export function Listeners({ listeners }: { listeners: ProxyHealth["listeners"] }) {
  return listeners.map(({ address, connections, unevenness }) => {
    const most = Math.max(1, ...Object.values(connections));
    return (
      <div key={address}>
        <strong>{address}</strong>{" "}
        <span className="warn">its busiest worker got {unevenness.toFixed(1)} times the mean</span>
        <ul className="workers" aria-label="New connections by worker">
          {Object.entries(connections).map(([worker, count]) => (
            <li key={worker} title={`${worker}: ${count}`}>
              <span style={{ blockSize: `${(100 * count) / most}%` }} />
              <span className="visually-hidden">
                {worker}: {count}
              </span>
            </li>
          ))}
        </ul>
      </div>
    );
  });
}
