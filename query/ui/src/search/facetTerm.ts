import { endpointTerm } from "./endpoint";
import { term } from "./term";

/** The term that finds what a facet's value counts. Durations are upper bounds in ns of buckets twice as long each. */
export function facetTerm(facet: string, value: string): string {
  switch (facet) {
    case "status":
      return value === "error" ? "errors>0" : "errors=0";
    case "response_code":
      return term("code", "=", value);
    case "root":
      return endpointTerm(value, false);
    case "duration":
      return `total=${Math.floor(Number(value) / 2)}ns..${value}ns`;
    default:
      return term(facet, "=", value);
  }
}
