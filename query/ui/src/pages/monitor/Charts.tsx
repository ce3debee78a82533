import { useId, useMemo } from "react";
import { useNavigate } from "react-router";
import type { Metric } from "../../api/queries";
import { type Line, Lines } from "../../charts/Lines";
import { duration } from "../../format/duration";
import { percent } from "../../format/percent";
import { rate } from "../../format/rate";
import { Steps } from "./Steps";
import type { Series } from "./series";
import { type Spans, spanSearch } from "./spanSearch";

type Props = {
  /** The same figures of all the time. */
  whole: Metric;
  series: Series;
  /** ns */
  step: number;
  spans: Spans;
  found: (q: string, at?: readonly [number, number]) => string;
};

const DURATIONS = [
  ["p50", "0.5", "--series-5"],
  ["p95", "0.95", "--series-2"],
  ["p99", "0.99", "--series-4"],
] as const;

/** Rate, errors and durations over time; a click leads to the transactions of that time. */
export function Charts({ whole, series, step, spans, found }: Props) {
  const together = useId();
  const navigate = useNavigate();
  const calls = useMemo<Line[]>(
    () => [{ name: "calls", values: series.rate, whole: whole.calls_per_second, colour: "--accent" }],
    [series, whole],
  );
  const errors = useMemo<Line[]>(
    () => [{ name: "failed", values: series.errors, whole: whole.error_ratio, colour: "--bad" }],
    [series, whole],
  );
  const durations = useMemo<Line[]>(
    () =>
      DURATIONS.map(([name, level, colour]) => ({
        name,
        values: series.durations[level] ?? [],
        whole: whole.durations_ns[level] ?? null,
        colour,
      })),
    [series, whole],
  );
  const at = (index: number): readonly [number, number] => {
    const begin = series.at[index] ?? 0;
    return [begin, begin + step / 1e9];
  };
  const common = { at: series.at, together };
  return (
    <>
      <div className="red-charts">
        <Lines
          {...common}
          title="Rate"
          lines={calls}
          format={rate}
          onChoose={(index) => navigate(found(spanSearch(spans), at(index)))}
        />
        <Lines
          {...common}
          title="Errors"
          lines={errors}
          format={percent}
          onChoose={(index) => navigate(found(spanSearch(spans, "failed"), at(index)))}
        />
        <Lines
          {...common}
          title="Duration"
          lines={durations}
          format={duration}
          onChoose={(index) => navigate(found(spanSearch(spans, series.durations["0.95"]?.[index] ?? 0), at(index)))}
        />
      </div>
      <Steps series={series} spans={spans} found={found} at={at} />
    </>
  );
}
