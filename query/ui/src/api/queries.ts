/** The API's answers as React hooks; types come from its OpenAPI description (`npm run api`). */
import { keepPreviousData, useInfiniteQuery, useQueries, useQuery } from "@tanstack/react-query";
import { get } from "./client";
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Transaction = Schemas["TransactionView"];
export type Entry = Transaction["entries"][number];
export type Comparison = Schemas["CompareView"];
export type ComparedRow = Schemas["RowView"];
export type Change = Schemas["Change"];
/** What a transaction is, without its rows. */
export type TransactionHead = Schemas["HeadView"];
export type Piece = Schemas["PieceView"];
export type Share = Schemas["ShareView"];
export type SpanEntry = Schemas["SpanEntry"];
export type LogEntry = Schemas["LogEntry"];
export type AccessLogEntry = Schemas["AccessLogEntry"];
export type SearchPage = Schemas["SearchView"];
export type Hit = Schemas["HitView"];
export type Facets = Schemas["FacetsView"];
export type SearchField = Schemas["FieldView"];
export type MeshEvent = Schemas["EventView"];
export type EventKind = Schemas["EventKind"];
export type EventCounts = Schemas["CountsView"];
export type ProxyHealth = Schemas["ProxyHealthView"];
export type Dependencies = Schemas["DependenciesView"];
export type ProxiedCalls = Schemas["ProxiedCallsView"];
export type Metrics = Schemas["MetricsView"];
export type Metric = Schemas["MetricView"];
export type ServicePropagation = Schemas["ServicePropagationView"];

export function useTransaction(id: string, { enabled = true } = {}) {
  return useQuery({
    queryKey: ["transaction", id],
    queryFn: ({ signal }) => get<Transaction>(`transactions/${encodeURIComponent(id)}`, {}, signal),
    enabled: enabled && id !== "",
  });
}

/** Two transactions as one tree; `changed`: only rows that differ. */
export function useComparison(a: string, b: string, changed: boolean) {
  return useQuery({
    queryKey: ["compare", a, b, changed],
    queryFn: ({ signal }) => get<Comparison>("compare", { a, b, changed }, signal),
    placeholderData: (before, query) => (query?.queryKey[1] === a && query.queryKey[2] === b ? before : undefined),
  });
}

/** Those of `ids` that are there by now. */
export function useTransactions(ids: readonly string[]): Transaction[] {
  return useQueries({
    queries: ids.map((id) => ({
      queryKey: ["transaction", id],
      queryFn: ({ signal }: { signal: AbortSignal }) => get<Transaction>(`transactions/${id}`, {}, signal),
    })),
    combine: (results) => results.flatMap(({ data }) => (data ? [data] : [])),
  });
}

export type SearchQuery = { q: string; since: string; until: string; limit: number };

/** Pages of a search, newest first; `fetchNextPage` goes on where the last one ended. */
export function useSearch(query: SearchQuery, enabled = true) {
  return useInfiniteQuery({
    queryKey: ["search", query],
    queryFn: ({ signal, pageParam }) => get<SearchPage>("search", { ...query, cursor: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function useFacets(query: Omit<SearchQuery, "limit">, enabled = true) {
  return useQuery({
    queryKey: ["facets", query],
    queryFn: async ({ signal }) =>
      (await get<SearchPage>("search", { ...query, limit: 1, facets: true }, signal)).facets,
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function useSearchFields() {
  return useQuery({
    queryKey: ["search/fields"],
    queryFn: ({ signal }) => get<Schemas["LanguageView"]>("search/fields", {}, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useServices() {
  return useQuery({
    queryKey: ["services"],
    queryFn: async ({ signal }) => (await get<Schemas["ServicesView"]>("services", {}, signal)).services,
    staleTime: 60_000,
  });
}

/** Lists: only these; empty: all. `since` and `until` as in the search language. */
export type EventQuery = {
  kind: readonly string[];
  service: readonly string[];
  route: readonly string[];
  since: string;
  until: string;
};

/** Pages of what went wrong in the mesh, newest first. */
export function useEvents(query: EventQuery, limit = 100) {
  return useInfiniteQuery({
    queryKey: ["events", query, limit],
    queryFn: ({ signal, pageParam }) =>
      get<Schemas["EventsView"]>("events", { ...query, limit, cursor: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export function useEventCounts(query: EventQuery) {
  return useQuery({
    queryKey: ["events/counts", query],
    queryFn: ({ signal }) => get<EventCounts>("events/counts", query, signal),
    placeholderData: keepPreviousData,
  });
}

export function useMesh(since: string) {
  return useQuery({
    queryKey: ["mesh", since],
    queryFn: ({ signal }) => get<Schemas["MeshView"]>("mesh", { since }, signal),
    placeholderData: keepPreviousData,
  });
}

export function usePropagation(since: string) {
  return useQuery({
    queryKey: ["propagation", since],
    queryFn: ({ signal }) => get<Schemas["PropagationView"]>("propagation", { since }, signal),
    placeholderData: keepPreviousData,
  });
}

export function useDependencies(since: string, until: string) {
  return useQuery({
    queryKey: ["dependencies", since, until],
    queryFn: ({ signal }) => get<Dependencies>("dependencies", { since, until }, signal),
    placeholderData: keepPreviousData,
  });
}

/** Lists: only these; empty: all. `step` in whole minutes (`5m`); "" for the window as one step. */
export type MetricsQuery = {
  service: readonly string[];
  kind: readonly string[];
  since: string;
  until: string;
  step: string;
  by_operation: boolean;
};

const REFRESH_MS = 30_000;

/** Rates, errors and durations of spans; `refresh`: again from time to time. */
export function useMetrics(query: MetricsQuery, { refresh = false } = {}) {
  return useQuery({
    queryKey: ["metrics", query],
    queryFn: ({ signal }) => get<Metrics>("metrics", query, signal),
    placeholderData: keepPreviousData,
    refetchInterval: refresh && REFRESH_MS,
  });
}
