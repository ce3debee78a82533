/** What the service's answer says of headers, in words. */
import type { ServicePropagation } from "../../api/queries";

type Habit = ServicePropagation["habit"];

export const HABITS: Record<Habit, { text: string; severity: "bad" | "warn" | "good" | "quiet" }> = {
  drops: { text: "drops the headers", severity: "bad" },
  partly: { text: "passes the headers on in some calls only", severity: "warn" },
  passes: { text: "passes the headers on", severity: "good" },
  calls_nobody: { text: "calls nobody", severity: "quiet" },
  gets_nothing: { text: "is called by nobody: nothing to pass on", severity: "quiet" },
};

export const CARRIED: Record<string, string> = {
  trace: "the trace that came in",
  transaction_id: "x-transaction-id only: a new trace began",
  request_id: "x-request-id only",
  own_trace: "a trace of its own",
  nothing: "nothing of it",
};
