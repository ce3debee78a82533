import { useMemo } from "react";
import type { Metric, Metrics } from "../../api/queries";
import { useMetrics } from "../../api/queries";
import { brief } from "../../format/printable";
import { Charts } from "./Charts";
import { Operations } from "./Operations";
import { series } from "./series";

type Props = {
  service: string;
  /** A point of each of its kinds of spans. */
  kinds: readonly Metric[];
  kind: string;
  operation: string;
  /** Of the service, all operations together. */
  steps: Metrics;
  step: string;
  address: (change: Record<string, string>) => string;
  ask: (change: Record<string, string>) => void;
  found: (q: string, at?: readonly [number, number]) => string;
};

/** One service: its figures over time, those of one operation where it is chosen, and all operations. */
export function OfService({ service, kinds, kind, operation, steps, step, address, ask, found }: Props) {
  const window = { service: [service], kind: [kind], since: sinceOf(steps), until: untilOf(steps), by_operation: true };
  const totals = useMetrics({ ...window, step: "" });
  const byStep = useMetrics({ ...window, step });
  const shown = useMemo(() => {
    const points = operation
      ? byStep.data?.metrics.filter((one) => one.operation === operation)
      : steps.metrics.filter((one) => one.service === service && one.kind === kind);
    return points && series(operation && byStep.data ? byStep.data : steps, points);
  }, [operation, byStep.data, steps, service, kind]);
  const whole = operation
    ? totals.data?.metrics.find((one) => one.operation === operation && one.kind === kind)
    : kinds.find((one) => one.kind === kind);
  return (
    <>
      <fieldset className="span-kinds">
        <legend className="visually-hidden">Kind of spans</legend>
        {kinds.map((one) => (
          <button
            key={one.kind}
            type="button"
            aria-pressed={one.kind === kind}
            onClick={() => ask({ kind: one.kind, operation: "" })}
          >
            {one.kind} <span className="quiet">{one.calls.toLocaleString("en")}</span>
          </button>
        ))}
        {operation && (
          <button type="button" aria-pressed className="chosen" onClick={() => ask({ operation: "" })}>
            {brief(operation, 60)} <span aria-hidden>×</span>
            <span className="visually-hidden">: show all operations</span>
          </button>
        )}
      </fieldset>
      {shown && whole && (
        <Charts whole={whole} series={shown} step={steps.step_ns} spans={{ service, operation, kind }} found={found} />
      )}
      {totals.data && (
        <Operations
          all={totals.data.metrics.filter((one) => one.service === service && one.kind === kind)}
          steps={byStep.data}
          chosen={operation}
          address={address}
          found={found}
        />
      )}
    </>
  );
}

/** The very window of another answer: figures beside each other are of the same time. */
function sinceOf({ since_unix_nano }: Metrics): string {
  return String(Number(BigInt(since_unix_nano) / 1_000_000_000n));
}

function untilOf({ until_unix_nano }: Metrics): string {
  return String(Number((BigInt(until_unix_nano) + 999_999_999n) / 1_000_000_000n));
}
