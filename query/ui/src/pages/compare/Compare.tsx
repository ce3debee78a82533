import { type FormEvent, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { AnswerError } from "../../api/client";
import { type TransactionHead, useComparison, useTransaction } from "../../api/queries";
import { duration } from "../../format/duration";
import { oneLine, printable } from "../../format/printable";
import { timestamp } from "../../format/time";
import { Pending } from "../../parts/Pending";
import { Trouble } from "../../parts/Trouble";
import { Outcome } from "../transaction/Outcome";
import "./compare.css";
import { Differences } from "./Differences";

/** Two transactions side by side: what came of each, and where they part. */
export function Compare({ a, b }: { a: string; b: string }) {
  const [parameters, setParameters] = useSearchParams();
  const only = parameters.get("only") === "1";
  const comparison = useComparison(a, b, only);
  const { data, error } = comparison;
  const rows = data && (only ? data.rows.filter(({ change }) => change !== "same") : data.rows);
  return (
    <div className="compare">
      <title>Compare · weftline</title>
      <h1>Two requests compared</h1>
      <p>
        <Link to={`/trace/${encodeURIComponent(b)}...${encodeURIComponent(a)}`}>Swap them</Link>
      </p>
      {/* Which of the two is unknown, its side says. */}
      {error && !(error instanceof AnswerError && error.status < 500) && (
        <Trouble error={error} retry={() => void comparison.refetch()} />
      )}
      <Pending query={comparison} of={["compare", a, b]} says="Comparing every row of both" />
      <div className="sides">
        <Side name="A" id={a} other={b} compared={data?.a} alone={error !== null} />
        <Side name="B" id={b} other={a} compared={data?.b} alone={error !== null} />
      </div>
      {data && rows && (
        <>
          <p className="row" role="status">
            {data.differences === 0
              ? "No difference: the same rows, the same outcomes, times within a quarter or a millisecond of each other."
              : `${data.differences.toLocaleString("en")} ${data.differences === 1 ? "row differs" : "rows differ"}. Slower and faster speak of B: by more than a quarter and a millisecond.`}{" "}
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
          <Differences rows={rows} />
          {data.truncated && (
            <p className="quiet">
              These are the first {data.rows.length.toLocaleString("en")} rows
              {!only && "; differences only may show more of what differs"}.
            </p>
          )}
        </>
      )}
    </div>
  );
}

type SideProps = {
  name: "A" | "B";
  id: string;
  other: string;
  compared: TransactionHead | undefined;
  /** There is no comparison: this side is looked up by itself, since the trouble may be the other's. */
  alone: boolean;
};

function Side({ name, id, other, compared, alone }: SideProps) {
  const itself = useTransaction(id, { enabled: alone });
  const head = compared ?? (alone ? itself.data : undefined);
  return (
    <section className={`side side-${name.toLowerCase()}`} aria-label={`Transaction ${name}`}>
      <h2>
        <b>{name}</b>{" "}
        {head ? (
          <Link to={`/trace/${head.transaction_id}`} dir="auto">
            {oneLine(head.summary.root) || "No request was recorded"}
          </Link>
        ) : (
          <code>{printable(id)}</code>
        )}{" "}
        {head && (
          <Outcome
            code={head.summary.response_code}
            flags={head.summary.response_flags}
            flagsText={head.summary.response_flags_text}
          />
        )}
      </h2>
      {head ? (
        <Facts head={head} />
      ) : alone && itself.error ? (
        <>
          <Trouble error={itself.error} retry={() => void itself.refetch()} />
          <Replace name={name} other={other} />
        </>
      ) : null}
    </section>
  );
}

function Facts({ head: { transaction_id, summary, truncated } }: { head: TransactionHead }) {
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
