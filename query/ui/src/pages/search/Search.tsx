import { type FormEvent, useState } from "react";
import { useSearchParams } from "react-router";
import { useSearch } from "../../api/queries";
import { timestamp } from "../../format/time";
import { HitList } from "../../parts/HitList";
import { Trouble } from "../../parts/Trouble";

/** Transactions by what is known of them. All of the question is in the address, so it can be shared. */
export function Search() {
  const [parameters, setParameters] = useSearchParams();
  const q = parameters.get("q") ?? "";
  const since = parameters.get("since") ?? "1h";
  const until = parameters.get("until") ?? "";
  const [text, setText] = useState(q);
  const search = useSearch({ q, since, until, limit: 50 });
  const pages = search.data?.pages ?? [];
  const last = pages.at(-1);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setParameters({ q: text, since, ...(until && { until }) });
  };
  return (
    <>
      <title>Search · weftline</title>
      <h1>Search</h1>
      <form onSubmit={submit} className="id-box">
        <input aria-label="Search" value={text} onChange={(event) => setText(event.target.value)} spellCheck={false} />
        <button type="submit" className="primary">
          Search
        </button>
      </form>
      {search.error && <Trouble error={search.error} retry={search.refetch} />}
      <HitList hits={pages.flatMap((page) => page.transactions)} />
      {last?.cut && (
        <p role="status">
          Searched back to {timestamp(last.searched_since_unix_nano)} only: {last.cut}.
        </p>
      )}
      {search.hasNextPage && (
        <button type="button" disabled={search.isFetching} onClick={() => search.fetchNextPage()}>
          More
        </button>
      )}
    </>
  );
}
