import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { useParams } from "react-router";
import { useTransaction } from "../../api/queries";
import { twoIds } from "../compare/twoIds";
import { Loading } from "./Loading";
import { NotFound } from "./NotFound";
import { Story } from "./Story";
import "./transaction.css";
import { useLateLines } from "./useLateLines";

const Compare = lazy(async () => ({ default: (await import("../compare/Compare")).Compare }));

/** Everything known about one request; with `A...B` in the address, two of them side by side, as Jaeger has it. */
export function Transaction() {
  const { id = "" } = useParams();
  const two = twoIds(id);
  if (two) {
    return (
      <Suspense fallback={<p role="status">Loading …</p>}>
        <Compare a={two[0]} b={two[1]} />
      </Suspense>
    );
  }
  // Another request is another page: nothing that was folded or followed stays.
  return <One key={id} id={id} />;
}

function One({ id }: { id: string }) {
  const [follow, setFollow] = useState(false);
  const [cancelled, setCancelled] = useState(false);
  const queries = useQueryClient();
  const transaction = useTransaction(id);
  const { data, refetch } = transaction;
  const following = useLateLines(id, follow && data !== undefined, data?.summary.logs ?? 0, refetch);
  if (!transaction.data) {
    if (transaction.error && !transaction.isFetching) {
      return <NotFound id={id} error={transaction.error} again={() => void transaction.refetch()} />;
    }
    const cancel = async () => {
      await queries.cancelQueries({ queryKey: ["transaction", id] });
      setCancelled(true);
    };
    const again = () => {
      setCancelled(false);
      void transaction.refetch();
    };
    return <Loading id={id} cancel={cancel} again={cancelled && !transaction.isFetching ? again : undefined} />;
  }
  return (
    <Story
      asked={id}
      answer={transaction.data}
      following={following}
      setFollow={setFollow}
      trouble={transaction.error}
      refresh={() => void transaction.refetch()}
      refreshing={transaction.isFetching}
    />
  );
}
