import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useMemo, useState } from "react";
import { Navigate, useNavigate, useSearchParams } from "react-router";
import { AnswerError } from "../../api/client";
import { type Hit, useFacets, useSearch } from "../../api/queries";
import { type Point, Scatter } from "../../charts/Scatter";
import { duration } from "../../format/duration";
import { printable } from "../../format/printable";
import { milliseconds, timestamp } from "../../format/time";
import { FollowingState } from "../../parts/FollowingState";
import { HitList } from "../../parts/HitList";
import { TimeRange } from "../../parts/TimeRange";
import { Trouble } from "../../parts/Trouble";
import { fromJaeger } from "../../search/jaeger";
import { toggled } from "../../search/term";
import { Facets } from "./Facets";
import { QueryBox } from "./QueryBox";
import "./search.css";
import { useLive } from "./useLive";

const FURTHER = { "5m": "1h", "15m": "3h", "1h": "6h", "3h": "1d", "6h": "1d", "1d": "7d", "2d": "7d", "7d": "30d" };
const PAGE = 100;

/** Transactions by what is known of them. All of the question is in the address, so it can be shared. */
export function Search() {
  const [parameters] = useSearchParams();
  const converted = fromJaeger(parameters);
  if (converted) return <Navigate to={`/search?${converted}`} replace />;
  return <Asked />;
}

function Asked() {
  const [parameters, setParameters] = useSearchParams();
  const q = parameters.get("q") ?? "";
  const since = parameters.get("since") || "1h";
  const until = parameters.get("until") ?? "";
  const limit = Number(parameters.get("limit")) || PAGE;
  const live = parameters.get("live") === "1" && until === "";
  const [text, setText] = useState(q);
  useEffect(() => setText(q), [q]);
  const navigate = useNavigate();
  const client = useQueryClient();
  const search = useSearch({ q, since, until, limit });
  const facets = useFacets({ q, since, until }, !search.error);
  const pages = search.data?.pages ?? [];
  const last = pages.at(-1);
  const tail = useLive(
    q,
    live && !(search.error instanceof AnswerError),
    useMemo(() => pages.flatMap((page) => page.transactions), [pages]),
    () => void search.refetch({ cancelRefetch: false }),
  );
  const hits = search.error ? [] : tail.hits;
  const points = useMemo(() => hits.map(point), [hits]);

  const ask = (change: Record<string, string>) => {
    const next = new URLSearchParams(parameters);
    for (const [name, value] of Object.entries(change)) value ? next.set(name, value) : next.delete(name);
    // The same question again is a wish for what has come since.
    if (next.toString() === parameters.toString()) client.invalidateQueries();
    else setParameters(next);
  };
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    ask({ q: text.trim() });
  };
  const error = search.error;
  const mistake = error instanceof AnswerError && text === q ? error.place : null;
  const further = until === "" ? FURTHER[since as keyof typeof FURTHER] : undefined;
  return (
    <div className="search-page">
      <title>{`${q || "Search"} · weftline`}</title>
      <h1 className="visually-hidden">Search</h1>
      <search>
        <form onSubmit={submit} className="asked">
          <QueryBox text={text} onText={setText} onSubmit={submit} mistake={mistake} />
          <TimeRange since={since} until={until} onChange={(since, until) => ask({ since, until })} />
          <button type="submit" className="primary">
            Search
          </button>
          <button
            type="button"
            aria-pressed={live}
            className="live"
            disabled={until !== ""}
            onClick={() => ask({ live: live ? "" : "1" })}
          >
            Live
          </button>
        </form>
      </search>
      {tail.following !== "off" && (
        <p className="tail">
          <FollowingState state={tail.following} open="Live: each transaction appears once all of it has arrived." />
          {tail.missed && <span className="missed"> Too much happens to show all of it: narrow the search.</span>}
        </p>
      )}
      {error && (
        <div id="search-trouble">
          {error instanceof AnswerError && error.place ? (
            // The box shows where; the rest of the message is for terminals.
            <p role="alert" className="trouble">
              {printable(error.message.split("\n", 1)[0] ?? "").replace(/^Column \d+: /, "")}
            </p>
          ) : (
            <Trouble error={error} retry={search.refetch} />
          )}
        </div>
      )}
      <div className="found">
        <aside aria-label="Narrow the search">
          {facets.data && facets.data.of > 0 && (
            <details open={!matchMedia("(max-width: 52rem)").matches}>
              <summary>Narrow down</summary>
              <Facets facets={facets.data} q={q} onToggle={(term) => ask({ q: toggled(q, term) })} />
            </details>
          )}
        </aside>
        <section aria-label="Results">
          {search.isFetching && !search.isPlaceholderData && pages.length === 0 && (
            <p role="status">
              Searching …{" "}
              <button type="button" onClick={() => client.cancelQueries({ queryKey: ["search"] })}>
                Cancel
              </button>
            </p>
          )}
          {!search.isFetching && !search.data && !search.error && <p role="status">The search was cancelled.</p>}
          {hits.length > 0 && (
            <Scatter
              points={points}
              label={`Durations of ${hits.length} transactions over time; the list below has them all`}
              onChoose={(index) => navigate(`/trace/${hits[index]?.transaction_id}`)}
            />
          )}
          <div className={search.isPlaceholderData ? "stale" : ""}>
            <HitList hits={hits} />
          </div>
          {search.isSuccess && hits.length === 0 && (
            <div className="empty">
              <h2>Nothing found</h2>
              <p>
                No transaction that began {until ? "in this time" : `in the last ${since}`}
                {q ? " fits this search" : " is stored"}.
              </p>
              {further && (
                <button type="button" onClick={() => ask({ since: further })}>
                  Look at the last {further}
                </button>
              )}{" "}
              {q && (
                <button type="button" onClick={() => ask({ q: "" })}>
                  Show all requests
                </button>
              )}
            </div>
          )}
          {last?.cut && (
            <p role="status" className="cut">
              Searched back to {timestamp(last.searched_since_unix_nano)} UTC only: {last.cut}.
            </p>
          )}
          {search.hasNextPage && (
            <button type="button" disabled={search.isFetchingNextPage} onClick={() => search.fetchNextPage()}>
              {search.isFetchingNextPage ? "Searching …" : last?.cut ? "Search on" : "More"}
            </button>
          )}
          {last?.complete && hits.length > 0 && (
            <p className="quiet">
              {hits.length === 1 ? "One transaction" : `All ${hits.length} transactions`} since{" "}
              {timestamp(last.since_unix_nano).slice(0, 19)} UTC.
            </p>
          )}
        </section>
      </div>
    </div>
  );
}

function point(hit: Hit): Point {
  const failed = hit.errors > 0 || hit.response_code === 0 || (hit.response_code ?? 0) >= 500;
  const says = [hit.root || "only log lines", hit.response_code ?? "", duration(hit.duration_ns)];
  return {
    at: milliseconds(hit.start_unix_nano) / 1000,
    took: Math.max(1, hit.duration_ns),
    failed,
    says: says.filter((one) => one !== "").join(" · "),
  };
}
