/** Commands to paste into a shell. Texts come from others: everything is quoted. Pure. */
import type { Entry } from "../../api/queries";

/** One word for a POSIX shell, whatever is in it. */
export function quoted(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

export function askAgain(origin: string, basePath: string, transactionId: string): string {
  return `curl -s ${quoted(`${origin}${basePath}/api/v1/transactions/${encodeURIComponent(transactionId)}`)}`;
}

/**
 * The request that the entry is about, as a new one, without its body and its credentials, which are never stored; ""
 * where the entry doesn't say.
 */
export function sendAgain(entry: Entry): string {
  let method = "";
  let address = "";
  if (entry.kind === "access_log" || entry.kind === "attempt") {
    method = entry.method;
    if (entry.authority && entry.path.startsWith("/")) {
      address = `${entry.downstream_tls_version ? "https" : "http"}://${entry.authority}${entry.path}`;
    }
  } else if (entry.kind === "span") {
    method = entry.attributes["http.request.method"] ?? entry.attributes["http.method"] ?? "";
    address = entry.attributes["url.full"] ?? entry.attributes["http.url"] ?? "";
  }
  if (!address || !/^https?:\/\//i.test(address)) return "";
  const verb = method && method !== "GET" ? `-X ${quoted(method)} ` : "";
  return `curl -i ${verb}-- ${quoted(address)}`;
}
