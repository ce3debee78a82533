/** The search that finds the transactions of a call. Pure. */
import { term } from "../../search/term";
import type { Call } from "./graph";

/** `failed`: only those in which the callee, or the proxy before it, failed. */
export function callSearch({ from, to, known, proxies }: Call, failed = false): string {
  const caller = term("service", "=", from);
  const error = failed ? " status=error" : "";
  if (known) return `${caller} and ${term("service", "=", to)}${error}`;
  if (to !== "") return `${caller} ${term("cluster", "=", to)}${error}`;
  // Answered by the proxy itself: its flag says why.
  const [flag] = proxies.flatMap((one) => one.flags);
  return flag ? `${caller} ${term("flags", "=", flag.flag)}` : `${caller} attempts=0${error}`;
}
