import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { get } from "../../api/client";
import type { Hit, SearchPage } from "../../api/queries";
import { merged } from "./merged";

const POLL_MS = 2_000;
/** Rows of a transaction arrive over a while: what began so shortly before is asked for again. */
const SETTLE_S = 60;
const MOST = 200;

/** The hits, and before them, while `on`, what has begun since; the newest first. */
export function useLive(q: string, on: boolean, hits: readonly Hit[]) {
  const [since, setSince] = useState("");
  useEffect(() => {
    setSince(on ? String(Math.floor(Date.now() / 1000) - SETTLE_S) : "");
  }, [on]);
  const poll = useQuery({
    queryKey: ["search/live", q, since],
    queryFn: ({ signal }) => get<SearchPage>("search", { q, since, limit: MOST }, signal),
    refetchInterval: POLL_MS,
    enabled: on && since !== "",
  });
  const fresh = on ? poll.data?.transactions : undefined;
  const all = useMemo(() => merged(fresh ?? [], hits), [fresh, hits]);
  return { hits: all, error: on ? poll.error : null };
}
