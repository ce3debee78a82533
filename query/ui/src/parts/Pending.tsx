import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

type Props = {
  query: { fetchStatus: string; isPending: boolean; error: Error | null; refetch: () => unknown };
  /** Key of the queries that a cancellation ends. */
  of: readonly string[];
  /** What is being done: "Counting calls". */
  says: string;
};

const LONG_MS = 2_000;

/** A first answer that isn't there yet, for how long, and how to stop waiting for it. */
export function Pending({ query, of, says }: Props) {
  const client = useQueryClient();
  const waits = query.isPending && query.fetchStatus !== "idle";
  const seconds = useSeconds(waits);
  if (!query.isPending || query.error) return null;
  if (!waits) {
    return (
      <p role="status">
        Cancelled.{" "}
        <button type="button" onClick={() => query.refetch()}>
          Load it after all
        </button>
      </p>
    );
  }
  return (
    <p role="status">
      {says} …{seconds * 1000 >= LONG_MS && <span className="quiet"> {seconds} s</span>}{" "}
      <button type="button" onClick={() => client.cancelQueries({ queryKey: of })}>
        Cancel
      </button>
    </p>
  );
}

/** Whole seconds since `running` began. */
function useSeconds(running: boolean): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    setSeconds(0);
    if (!running) return;
    const timer = setInterval(() => setSeconds((before) => before + 1), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return seconds;
}
