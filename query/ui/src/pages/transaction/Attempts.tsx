import type { Entry } from "../../api/queries";
import { duration } from "../../format/duration";
import { oneLine, printable } from "../../format/printable";
import { attemptsOf } from "./attemptIndex";
import type { Model } from "./model";
import { Outcome } from "./Outcome";

type Attempt = Extract<Entry, { kind: "attempt" }>;

const FACTS: readonly (readonly [string, (attempt: Attempt, start: number) => string])[] = [
  ["began", (_, start) => duration(start)],
  ["took", (attempt) => duration(attempt.duration_ns)],
  ["to", (attempt) => oneLine(attempt.upstream_host)],
  [
    "connection",
    (attempt) => (attempt.connection_pool_ready_duration ? duration(attempt.connection_pool_ready_duration) : ""),
  ],
  [
    "first byte back",
    (attempt) => (attempt.time_to_first_upstream_rx_byte ? duration(attempt.time_to_first_upstream_rx_byte) : "none"),
  ],
  ["failure", (attempt) => oneLine(attempt.upstream_transport_failure_reason)],
];

/** The attempts of one proxy's request side by side: what was tried, where, and what came of it. */
export function Attempts({ model, index, select }: { model: Model; index: number; select: (index: number) => void }) {
  const { entries, times } = model;
  const those = attemptsOf(model.attempts, entries, times, index);
  if (those.length < 2) return null;
  const attempts = those.map((one) => [one, entries[one] as Attempt] as const);
  const facts = FACTS.map(
    ([name, text]) => [name, attempts.map(([one, attempt]) => text(attempt, times.start[one] as number))] as const,
  );
  return (
    <section className="attempts">
      <h3>Attempts side by side</h3>
      <div className="scrolls">
        <table>
          <thead>
            <tr>
              <td />
              {attempts.map(([one], number) => (
                <th key={one} scope="col" aria-current={one === index || undefined}>
                  <button type="button" className="link" onClick={() => select(one)}>
                    {number + 1}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">answer</th>
              {attempts.map(([one, attempt]) => (
                <td key={one}>
                  <Outcome
                    code={attempt.response_code}
                    flags={oneLine(attempt.response_flags)}
                    flagsText={printable(attempt.response_flags_text)}
                  />
                </td>
              ))}
            </tr>
            {facts
              .filter(([, values]) => values.some(Boolean))
              .map(([name, values]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  {values.map((value, number) => (
                    <td key={attempts[number]?.[0]} dir="auto">
                      {value}
                    </td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
