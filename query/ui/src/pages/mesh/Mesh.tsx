import { useSearchParams } from "react-router";
import { type ProxyHealth, useMesh } from "../../api/queries";
import { oneLine } from "../../format/printable";
import { Pending } from "../../parts/Pending";
import { TimeRange } from "../../parts/TimeRange";
import { Trouble } from "../../parts/Trouble";
import { Listeners } from "./Listeners";
import "./mesh.css";
import { type Remark, remarksOnCluster, remarksOnProxy } from "./remarks";

/** What the proxies say of themselves, held against the access logs that arrived. */
export function Mesh() {
  const [parameters, setParameters] = useSearchParams();
  const since = parameters.get("since") || "15m";
  const mesh = useMesh(since);
  const proxies = mesh.data?.proxies ?? [];
  return (
    <div className="mesh-page">
      <title>Mesh · weftline</title>
      <header className="page-head">
        <h1>Mesh</h1>
        <TimeRange
          since={since}
          until=""
          furthest="7d"
          absolute={false}
          onChange={(since) => setParameters({ since })}
        />
      </header>
      {mesh.error && <Trouble error={mesh.error} retry={mesh.refetch} />}
      <Pending query={mesh} of={["mesh"]} says="Adding up the proxies' stats" />
      {mesh.isSuccess && proxies.length === 0 && (
        <div className="empty">
          <h2>No proxy was looked at</h2>
          <p>
            This page compares Envoy's own counters with the access logs that arrived: run{" "}
            <code>weftline mesh scrape --target HOST:ADMIN_PORT</code>, and come back after two looks.
          </p>
        </div>
      )}
      {proxies.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways on small screens, by keys too
        <section className="wide" aria-label="Proxies" tabIndex={0}>
          <table className="figures">
            <thead>
              <tr>
                <th scope="col">Proxy</th>
                <th scope="col">Finished</th>
                <th scope="col">Recorded</th>
                <th scope="col">Lost</th>
                <th scope="col">What deserves attention</th>
              </tr>
            </thead>
            <tbody>
              {proxies.map((proxy) => (
                <ProxyRow key={proxy.node_id} proxy={proxy} />
              ))}
            </tbody>
          </table>
        </section>
      )}
      {proxies.length > 0 && (
        <p className="quiet">
          Finished: requests, by the proxy's own count. Recorded: access logs of these that arrived. The last 15 seconds
          are left out.
        </p>
      )}
    </div>
  );
}

function ProxyRow({ proxy }: { proxy: ProxyHealth }) {
  const own = remarksOnProxy(proxy);
  const clusters = proxy.clusters.map((cluster) => [cluster, remarksOnCluster(cluster)] as const);
  const quiet = own.length === 0 && clusters.every(([, remarks]) => remarks.length === 0);
  const uneven = proxy.listeners.filter((listener) => listener.uneven);
  return (
    <tr>
      <th scope="row">
        {oneLine(proxy.node_id)}
        {proxy.service !== proxy.node_id && <div className="quiet">{oneLine(proxy.service)}</div>}
      </th>
      <td>{proxy.finished.toLocaleString("en")}</td>
      <td>{proxy.recorded.toLocaleString("en")}</td>
      <td className={proxy.loses ? "bad lost" : ""}>{proxy.lost.toLocaleString("en")}</td>
      <td className="remarks">
        {quiet && uneven.length === 0 && <span className="good">nothing</span>}
        <Remarks remarks={own} />
        {clusters.map(
          ([cluster, remarks]) =>
            remarks.length > 0 && (
              <div key={cluster.name}>
                <strong>to {oneLine(cluster.name)}</strong> <span className="quiet">({cluster.requests} requests)</span>
                <Remarks remarks={remarks} />
              </div>
            ),
        )}
        <Listeners listeners={uneven} />
      </td>
    </tr>
  );
}

function Remarks({ remarks }: { remarks: readonly Remark[] }) {
  if (remarks.length === 0) return null;
  return (
    <ul>
      {remarks.map(({ text, severity }) => (
        <li key={text} className={severity}>
          {text}
        </li>
      ))}
    </ul>
  );
}
