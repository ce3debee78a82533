import { term } from "./term";

/** What a transaction was ("POST /checkout?order=4711") without what makes each of them different. */
export function endpoint(root: string): string {
  return root.split("?", 1)[0] ?? root;
}

/** The term that finds all transactions of an endpoint; `exact` where none of them has a query string. */
export function endpointTerm(name: string, exact: boolean): string {
  return exact ? term("root", "=", name) : term("root", "~", `^${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(\\?|$)`);
}
