import { Link } from "react-router";
import { BASE_PATH } from "../../base";
import { duration } from "../../format/duration";
import { oneLine, printable } from "../../format/printable";
import { timestamp } from "../../format/time";
import { CopyButton } from "../../parts/CopyButton";
import { Hint } from "../../parts/Hint";
import type { InView } from "./address";
import { askAgain } from "./curl";
import type { Model } from "./model";
import { Outcome } from "./Outcome";

const SHOWN_OTHERS = 5;
const NOT_SAMPLED =
  "The client or a proxy decided against tracing this request, or the services aren't traced. The access logs and log lines below are all that was written.";

type Props = {
  asked: string;
  model: Model;
  select: (index: number, more?: Partial<InView>) => void;
  refresh: () => void;
  refreshing: boolean;
};

/** What came of the request, in one sentence, and the facts that one asks for first. */
export function Head({ asked, model, select, refresh, refreshing }: Props) {
  const { answer } = model;
  const { summary, transaction_id: id } = answer;
  const { verdict } = summary;
  const firstError = model.tree.order.find((index) => model.entries[index]?.error);
  return (
    <header className="head">
      {verdict ? (
        <p className={`verdict ${verdict.failed ? "failed" : "noted"}`}>
          <strong>{verdict.failed ? "Failed" : "Went well, but"}</strong>{" "}
          <span dir="auto">{printable(verdict.text)}</span>{" "}
          <button
            type="button"
            className="link"
            onClick={() => select(verdict.entry, { view: "timeline", zoom: null })}
          >
            show the evidence
          </button>
        </p>
      ) : firstError !== undefined ? (
        <p className="verdict failed">
          <strong>{summary.errors === 1 ? "1 error" : `${summary.errors} errors`}</strong>, and no proxy says at which
          hop it began.{" "}
          <button type="button" className="link" onClick={() => select(firstError, { view: "timeline", zoom: null })}>
            show the first
          </button>
        </p>
      ) : (
        <p className="verdict fine">
          <strong>Went well</strong> as far as anything recorded says.
        </p>
      )}
      <h1>
        <span dir="auto">{oneLine(summary.root) || "No request was recorded"}</span>{" "}
        <Outcome code={summary.response_code} flags={summary.response_flags} flagsText={summary.response_flags_text} />
      </h1>
      <div className="facts">
        <span>
          <code className="id">{id}</code>
          <CopyButton name="copy" label="Copy the transaction ID" text={() => id} />
          <CopyButton
            name="curl"
            label="Copy as curl: this transaction from the API"
            text={() => askAgain(location.origin, BASE_PATH, id)}
          />
          <CopyButton
            name="JSON"
            label="Copy the whole transaction as JSON"
            text={() => JSON.stringify(answer, null, 2)}
          />
          <button
            type="button"
            className="copy"
            onClick={refresh}
            disabled={refreshing}
            aria-label="reload: read it again"
          >
            {refreshing ? "loading" : "reload"}
          </button>
        </span>
        {answer.matched_alias && (
          <span>
            found by <code dir="auto">{oneLine(answer.matched_alias)}</code>
          </span>
        )}
        <span>
          <b>{duration(summary.duration_ns)}</b>
        </span>
        <span>
          <time>{timestamp(summary.start_unix_nano)}</time> UTC
        </span>
        <span>
          {summary.sampled ? (
            count(summary.spans, "span")
          ) : (
            <Hint className="noted" text={NOT_SAMPLED}>
              no spans: sampled out
            </Hint>
          )}
          {" · "}
          {count(summary.access_logs, "access log")}
          {" · "}
          {count(summary.logs, "log line")}
        </span>
        <span className={summary.errors ? "bad" : ""}>
          {summary.errors ? count(summary.errors, "error") : "no errors"}
        </span>
      </div>
      {answer.truncated && (
        <p className="note" role="status">
          There are more rows than the service answers with: these are the first{" "}
          {answer.entries.length.toLocaleString("en")}. The setting <code>WEFTLINE_QUERY_MAX_ROWS</code> raises the
          limit.
        </p>
      )}
      {answer.gaps.length > 0 && (
        <p className="note gaps">
          <Hint className="noted" text="Inferred from the rows around: something happened there and left no record.">
            not recorded
          </Hint>{" "}
          {answer.gaps.map((gap, at) => (
            <span key={`${gap.kind} ${gap.service} ${gap.entries[0]}`}>
              {at > 0 && "; "}
              <button
                type="button"
                className="link"
                onClick={() => select(gap.entries[0] ?? 0, { view: "timeline", zoom: null })}
              >
                <span dir="auto">{printable(gap.text)}</span>
              </button>
            </span>
          ))}
        </p>
      )}
      {answer.other_transactions.length > 0 && (
        <details className="note">
          <summary>
            {oneLine(answer.matched_alias ?? asked)} also names {answer.other_transactions.length} other{" "}
            {answer.other_transactions.length === 1 ? "transaction" : "transactions"}
          </summary>
          <ul>
            {answer.other_transactions.slice(0, SHOWN_OTHERS).map((other) => (
              <li key={other}>
                <Link to={`/trace/${other}`}>
                  <code>{other}</code>
                </Link>{" "}
                · <Link to={`/trace/${other}...${id}`}>compare</Link>
              </li>
            ))}
            {answer.other_transactions.length > SHOWN_OTHERS && (
              <li>
                <Link
                  to={`/search?${new URLSearchParams({ q: `alias="${answer.matched_alias ?? asked}"`, since: "7d" })}`}
                >
                  all of them
                </Link>
              </li>
            )}
          </ul>
        </details>
      )}
    </header>
  );
}

function count(number: number, word: string): string {
  return `${number ? number.toLocaleString("en") : "no"} ${word}${number === 1 ? "" : "s"}`;
}
