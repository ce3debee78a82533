/** The search that finds the transactions of a service's spans. Pure. */
import { term } from "../../search/term";

export type Spans = { service: string; operation: string; kind: string };

/** `only`: failed ones, or such as took at least so many ns. */
export function spanSearch({ service, operation, kind }: Spans, only?: "failed" | number): string {
  const terms = [term("service", "=", service), term("kind", "=", kind)];
  if (operation !== "") terms.push(term("name", "=", operation));
  if (only === "failed") terms.push("status=error");
  else if (only !== undefined) terms.push(`duration>=${Math.floor(only / 1000)}us`);
  return terms.join(" ");
}
