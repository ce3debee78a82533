import { useSearchParams } from "react-router";
import { type EventQuery, useEventCounts, useEvents } from "../../api/queries";
import { Pending } from "../../parts/Pending";
import { TimeRange } from "../../parts/TimeRange";
import { Trouble } from "../../parts/Trouble";
import { Counts } from "./Counts";
import { EventList } from "./EventList";
import { Filter } from "./Filter";
import { totals } from "./intervals";
import { Kind } from "./Kind";
import { isKind } from "./kinds";
import "./events.css";

/** What went wrong in the mesh: how often and when, and each with the transaction that it happened to. */
export function Events() {
  const [parameters, setParameters] = useSearchParams();
  const since = parameters.get("since") || "1h";
  const until = parameters.get("until") ?? "";
  const query: EventQuery = {
    kind: parameters.getAll("kind").filter(isKind),
    service: parameters.getAll("service"),
    route: parameters.getAll("route"),
    since,
    until,
  };
  const events = useEvents(query);
  const counts = useEventCounts(query);
  // What could be chosen doesn't shrink with what is.
  const everything = useEventCounts({ kind: [], service: [], route: [], since, until });
  const list = events.data?.pages.flatMap((page) => page.events) ?? [];
  const routes = [...new Set([...query.route, ...list.map((event) => event.route_name)])].filter((name) => name !== "");

  const ask = (change: (next: URLSearchParams) => void) => {
    const next = new URLSearchParams(parameters);
    change(next);
    setParameters(next);
  };
  const toggle = (name: string, value: string) =>
    ask((next) => (next.has(name, value) ? next.delete(name, value) : next.append(name, value)));
  const when = (since: string, until: string) =>
    ask((next) => {
      next.set("since", since);
      until ? next.set("until", until) : next.delete("until");
    });
  const error = events.error ?? counts.error;
  const filtered = query.kind.length + query.service.length + query.route.length > 0;
  return (
    <div className="events-page">
      <title>Events · weftline</title>
      <header className="page-head">
        <h1>Events</h1>
        <TimeRange since={since} until={until} onChange={when} />
      </header>
      {error && <Trouble error={error} retry={events.refetch} />}
      {counts.data && counts.data.counts.length > 0 && <Counts counts={counts.data} onInterval={when} />}
      <div className="filters">
        {everything.data && (
          <>
            <Filter
              title="Kind"
              values={totals(everything.data, "kind")}
              chosen={query.kind}
              onToggle={(value) => toggle("kind", value)}
              name={(kind) => <Kind kind={kind} />}
            />
            <Filter
              title="Reported by proxies of"
              values={totals(everything.data, "service")}
              chosen={query.service}
              onToggle={(value) => toggle("service", value)}
            />
          </>
        )}
        <Filter
          title="Route"
          values={routes.map((name) => [name, null])}
          chosen={query.route}
          onToggle={(value) => toggle("route", value)}
        />
      </div>
      <Pending query={events} of={["events"]} says="Looking for events" />
      {events.isSuccess && list.length === 0 && (
        <div className="empty">
          <h2>No events</h2>
          <p>
            {filtered
              ? "None of these kinds, services and routes in this time."
              : "No proxy reported a failure, a retry or a refusal in this time."}
          </p>
          {filtered && (
            <button type="button" onClick={() => setParameters({ since, ...(until && { until }) })}>
              Show all events
            </button>
          )}
        </div>
      )}
      <EventList events={list} />
      {events.hasNextPage && (
        <button type="button" disabled={events.isFetchingNextPage} onClick={() => events.fetchNextPage()}>
          {events.isFetchingNextPage ? "Looking …" : "More"}
        </button>
      )}
    </div>
  );
}
