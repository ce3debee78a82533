import type { Facets as Found } from "../../api/queries";
import { duration } from "../../format/duration";
import { oneLine } from "../../format/printable";
import { facetTerm } from "../../search/facetTerm";
import { parts } from "../../search/term";
import "./facets.css";

const NAMES: Record<string, string> = {
  status: "Outcome",
  response_code: "Response code",
  flags: "Response flags",
  service: "Service",
  root: "Request",
};
const OUTCOMES: Record<string, string> = { error: "with errors", unset: "without errors" };
const FEW = 8;

type Props = { facets: Found; q: string; onToggle: (term: string) => void };

/** What the transactions found have in common; each value narrows the search to itself, or takes that back. */
export function Facets({ facets, q, onToggle }: Props) {
  const there = parts(q);
  const durations = facets.by.duration ?? [];
  return (
    <>
      {durations.length > 0 && (
        <section aria-label="Durations" className="facet">
          <h3>Duration</h3>
          <Durations buckets={durations} there={there} onToggle={onToggle} />
        </section>
      )}
      {Object.entries(NAMES).map(([facet, title]) => {
        const values = facets.by[facet] ?? [];
        if (values.length === 0) return null;
        const most = Math.max(...values.map((one) => one.transactions));
        const row = ({ value, transactions }: (typeof values)[number]) => {
          const term = facetTerm(facet, value);
          return (
            <li key={value}>
              <button type="button" aria-pressed={there.includes(term)} onClick={() => onToggle(term)} title={term}>
                <span className="share" style={{ inlineSize: `${(100 * transactions) / most}%` }} />
                <span className="value">{(facet === "status" && OUTCOMES[value]) || oneLine(value)}</span>
                <span className="count">{transactions}</span>
              </button>
            </li>
          );
        };
        return (
          <section key={facet} aria-label={title} className="facet">
            <h3>{title}</h3>
            <ul>{values.slice(0, FEW).map(row)}</ul>
            {values.length > FEW && (
              <details>
                <summary>{values.length - FEW} more</summary>
                <ul>{values.slice(FEW).map(row)}</ul>
              </details>
            )}
          </section>
        );
      })}
      <p className="quiet of">of the newest {facets.of} found</p>
    </>
  );
}

type DurationsProps = { buckets: Found["by"][string]; there: readonly string[]; onToggle: (term: string) => void };

/** A histogram: buckets twice as long each, those without a transaction between others included. */
function Durations({ buckets, there, onToggle }: DurationsProps) {
  const counts = new Map(
    buckets.map(({ value, transactions }) => [Math.round(Math.log2(Number(value))), transactions]),
  );
  const first = Math.min(...counts.keys());
  const last = Math.max(...counts.keys());
  const most = Math.max(...counts.values());
  const powers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return (
    <>
      <div className="durations">
        {powers.map((power) => {
          const value = String(2 ** power);
          const term = facetTerm("duration", value);
          const transactions = counts.get(power) ?? 0;
          const says = `${duration(2 ** (power - 1))} to ${duration(2 ** power)}: ${transactions}`;
          return (
            <button
              key={power}
              type="button"
              className="bucket"
              aria-label={says}
              title={says}
              aria-pressed={there.includes(term)}
              disabled={transactions === 0}
              onClick={() => onToggle(term)}
            >
              <span style={{ blockSize: `${(100 * transactions) / most}%` }} />
            </button>
          );
        })}
      </div>
      <div className="ends quiet">
        <span>{duration(2 ** (first - 1))}</span>
        <span>{duration(2 ** last)}</span>
      </div>
    </>
  );
}
