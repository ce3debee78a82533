import { useMemo } from "react";
import { Link } from "react-router";
import { useEvents, useSearch, useTransactions } from "../../api/queries";
import { ago } from "../../format/ago";
import { brief, oneLine } from "../../format/printable";
import { Flags } from "../../parts/Flags";
import { Pending } from "../../parts/Pending";
import { StatusCode } from "../../parts/StatusCode";
import { Trouble } from "../../parts/Trouble";
import { endpointTerm } from "../../search/endpoint";
import { term } from "../../search/term";
import { failureGroups, type Group } from "./failureGroups";

const SINCE = "1h";
const MOST = 200;
/** So many newest failures that no proxy explains by itself are looked up for their verdict. */
const UNEXPLAINED = 5;
const EVENTS = { kind: [], service: [], route: [], since: SINCE, until: "" };

/** What failed in the last hour, alike failures as one line: a click opens the newest of them. */
export function Failures() {
  const failures = useSearch({ q: "errors>0", since: SINCE, until: "", limit: MOST });
  const events = useEvents(EVENTS, 1000);
  const page = failures.data?.pages[0];
  const groups = useMemo(
    () => failureGroups(page?.transactions ?? [], events.data?.pages[0]?.events ?? []),
    [page, events.data],
  );
  const verdicts = useVerdicts(groups.filter((group) => group.reason === "").slice(0, UNEXPLAINED));
  return (
    <section aria-labelledby="failures">
      <h2 id="failures">Recent failures</h2>
      {failures.error && <Trouble error={failures.error} retry={failures.refetch} />}
      <Pending query={failures} of={["search"]} says="Looking for failures" />
      {failures.isSuccess && groups.length === 0 && (
        <p className="empty">
          No request failed in the last hour. <Link to="/search">All requests</Link>
        </p>
      )}
      <ul className="failures">
        {groups.map((group) => (
          <Failure key={group.key} group={group} verdict={verdicts.get(group.newest.transaction_id) ?? ""} />
        ))}
      </ul>
      {page?.next && <p className="quiet">Of the newest {MOST} failures. </p>}
      {groups.length > 0 && (
        <p>
          <Link to={`/search?${new URLSearchParams({ q: "errors>0" })}`}>All failures of the last hour</Link>
        </p>
      )}
    </section>
  );
}

function Failure({ group, verdict }: { group: Group; verdict: string }) {
  const { code, newest, count } = group;
  return (
    <li>
      <StatusCode code={code} />
      <div>
        <Link to={`/trace/${newest.transaction_id}`} className="root">
          {brief(group.endpoint) || "only log lines"}
        </Link>
        <Flags flags={group.flags} text={newest.response_flags_text} />
        <p>{oneLine(group.reason || verdict || `${newest.errors} errors in ${newest.services.join(", ")}`)}</p>
      </div>
      <span className="when quiet">{ago(newest.start_unix_nano, Date.now())}</span>
      {count > 1 ? (
        <Link to={`/search?${new URLSearchParams({ q: alike(group) })}`}>
          ×{count}
          <span className="visually-hidden"> such failures</span>
        </Link>
      ) : (
        <span />
      )}
    </li>
  );
}

function alike({ endpoint, exact, code, flags }: Group): string {
  const terms = ["errors>0", endpointTerm(endpoint, exact)];
  if (code !== null) terms.push(term("code", "=", String(code)));
  return [...terms, ...flags.map((flag) => term("flags", "=", flag))].join(" and ");
}

/** What the whole story of each group's newest transaction says, by its ID. */
function useVerdicts(groups: readonly Group[]): Map<string, string> {
  const found = useTransactions(groups.map((group) => group.newest.transaction_id));
  return new Map(found.map(({ transaction_id, summary }) => [transaction_id, summary.verdict?.text ?? ""]));
}
