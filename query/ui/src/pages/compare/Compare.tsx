import { type FormEvent, useMemo, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { type Transaction, useTransaction } from "../../api/queries";
import { duration } from "../../format/duration";
import { oneLine, printable } from "../../format/printable";
import { timestamp } from "../../format/time";
import { Trouble } from "../../parts/Trouble";
import { Outcome } from "../transaction/Outcome";
import "./compare.css";
import { Differences } from "./Differences";
import { diff } from "./diff";

/** Two transactions side by side: what came of each, and where they part. */
export function Compare({ a, b }: { a: string; b: string }) {
  const one = useTransaction(a);
  const other = useTransaction(b);
  const [parameters, setParameters] = useSearchParams();
  const only = parameters.get("only") === "1";
  const differences = useMemo(
    () => (one.data && other.data ? diff(one.data.entries, other.data.entries) : null),
    [one.data, other.data],
  );
  const changed = differences?.filter(({ change }) => change !== "same").length ?? 0;
  return (
    <div className="compare">
      <title>Compare · weftline</title>
      <h1>Two requests compared</h1>
      <p>
        <Link to={`/trace/${encodeURIComponent(b)}...${encodeURIComponent(a)}`}>Swap them</Link>
      </p>
      <div className="sides">
        <Side name="A" id={a} other={b} query={one} />
        <Side name="B" id={b} other={a} query={other} />
      </div>
      {differences && (
        <>
          <p className="row" role="status">
            {changed === 0
              ? "No difference: the same rows, the same outcomes, times within a quarter or a millisecond of each other."
              : `${changed} of ${differences.length} rows differ. Slower and faster speak of B, from a quarter and a millisecond on.`}{" "}
            <label>
              <input
                type="checkbox"
                checked={only}
                onChange={(event) =>
                  setParameters(event.target.checked ? { only: "1" } : {}, { replace: true, preventScrollReset: true })
                }
              />{" "}
              differences only
            </label>
          </p>
          <Differences rows={only ? differences.filter(({ change }) => change !== "same") : differences} />
        </>
      )}
    </div>
  );
}

type SideProps = { name: "A" | "B"; id: string; other: string; query: ReturnType<typeof useTransaction> };

function Side({ name, id, other, query }: SideProps) {
  return (
    <section className={`side side-${name.toLowerCase()}`} aria-label={`Transaction ${name}`}>
      <h2>
        <b>{name}</b>{" "}
        {query.data ? (
          <Link to={`/trace/${query.data.transaction_id}`} dir="auto">
            {oneLine(query.data.summary.root) || "No request was recorded"}
          </Link>
        ) : (
          <code>{printable(id)}</code>
        )}{" "}
        {query.data && (
          <Outcome
            code={query.data.summary.response_code}
            flags={query.data.summary.response_flags}
            flagsText={query.data.summary.response_flags_text}
          />
        )}
      </h2>
      {query.data ? (
        <Facts answer={query.data} />
      ) : query.error ? (
        <>
          <Trouble error={query.error} retry={() => void query.refetch()} />
          <Replace name={name} other={other} />
        </>
      ) : (
        <p role="status">Looking for every log …</p>
      )}
    </section>
  );
}

function Facts({ answer: { transaction_id, summary, truncated } }: { answer: Transaction }) {
  return (
    <>
      {summary.verdict && (
        <p className={`verdict ${summary.verdict.failed ? "failed" : "noted"}`} dir="auto">
          {printable(summary.verdict.text)}
        </p>
      )}
      <p className="facts">
        <b>{duration(summary.duration_ns)}</b>
        <time>{timestamp(summary.start_unix_nano)}</time>
        <span>
          {summary.spans} spans · {summary.access_logs} access logs · {summary.logs} log lines
        </span>
        <span className={summary.errors ? "bad" : ""}>{summary.errors || "no"} errors</span>
        {!summary.sampled && <span className="noted">sampled out</span>}
        {truncated && <span className="noted">truncated: not all of it is compared</span>}
      </p>
      <p className="quiet">
        <code>{transaction_id}</code> · {summary.services.map(oneLine).join(", ")}
      </p>
    </>
  );
}

/** The other half of the comparison stays. */
function Replace({ name, other }: { name: "A" | "B"; other: string }) {
  const [text, setText] = useState("");
  const navigate = useNavigate();
  const go = (event: FormEvent) => {
    event.preventDefault();
    const id = encodeURIComponent(text.trim());
    const kept = encodeURIComponent(other);
    if (id) navigate(name === "A" ? `/trace/${id}...${kept}` : `/trace/${kept}...${id}`);
  };
  return (
    <form className="row" onSubmit={go}>
      <input
        aria-label={`Another ID for ${name}`}
        placeholder="another ID"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit">Compare with this</button>
    </form>
  );
}
