import { useParams } from "react-router";
import { useTransaction } from "../../api/queries";
import { duration } from "../../format/duration";
import { timestamp } from "../../format/time";
import { Trouble } from "../../parts/Trouble";

/** Everything known about one request. */
export function Transaction() {
  const { id = "" } = useParams();
  const transaction = useTransaction(id);
  if (transaction.error) return <Trouble error={transaction.error} retry={transaction.refetch} />;
  if (!transaction.data) return <p role="status">Looking for every log of {id} …</p>;
  const { summary, entries, transaction_id } = transaction.data;
  return (
    <>
      <title>{`${summary.root || transaction_id} · weftline`}</title>
      <h1>{summary.root || "no request recorded"}</h1>
      <p className="quiet">
        <code>{transaction_id}</code> · {timestamp(summary.start_unix_nano)} UTC · took {duration(summary.duration_ns)}
      </p>
      <ol>
        {entries.map((entry, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: an entry's place is its name: `parent` refers to it
          <li key={index} style={{ marginInlineStart: `${entry.depth}rem` }} className={entry.error ? "bad" : ""}>
            {entry.kind === "log" ? entry.body : entry.kind === "span" ? entry.name : `${entry.method} ${entry.path}`}{" "}
            <span className="quiet">{entry.service}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
