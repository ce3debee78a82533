import type { ProxiedCalls } from "../../api/queries";
import { percent } from "../../format/percent";
import { brief } from "../../format/printable";
import { Hint } from "../../parts/Hint";

/** What each proxy on the way of a call recorded: how many, how many failed or were sent again, and its flags. */
export function Proxies({ proxies }: { proxies: readonly ProxiedCalls[] }) {
  if (proxies.length === 0) return <span className="quiet">no proxy recorded it</span>;
  return (
    <ul>
      {proxies.map(({ proxy, upstream_cluster, calls, errors, error_ratio, retried, flags }) => (
        <li key={JSON.stringify([proxy, upstream_cluster])}>
          <span title={upstream_cluster ? `upstream cluster ${upstream_cluster}` : undefined}>{brief(proxy)}</span>{" "}
          <span className="quiet">
            {calls.toLocaleString("en")} {calls === 1 ? "request" : "requests"}
            {errors > 0 && `, ${percent(error_ratio)} failed`}
            {retried > 0 && `, ${retried.toLocaleString("en")} sent again`}
          </span>
          {flags.map(({ flag, text, calls }) => (
            <Hint key={flag} text={`${brief(flag)}: ${brief(text)}`} className="flag">
              {brief(flag)} ×{calls}
            </Hint>
          ))}
        </li>
      ))}
    </ul>
  );
}
