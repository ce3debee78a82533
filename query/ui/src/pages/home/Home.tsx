import { Link } from "react-router";
import { useSearch } from "../../api/queries";
import { HitList } from "../../parts/HitList";
import { IdBox } from "../../parts/IdBox";
import { Trouble } from "../../parts/Trouble";

/** Where people arrive with an ID, or with nothing but the time it went wrong. */
export function Home() {
  const failures = useSearch({ q: "errors>0", since: "1h", until: "", limit: 10 });
  const hits = failures.data?.pages[0]?.transactions ?? [];
  return (
    <>
      <title>weftline</title>
      <h1>Every log of one request</h1>
      <IdBox autoFocus />
      <h2>Recent failures</h2>
      {failures.error && <Trouble error={failures.error} retry={failures.refetch} />}
      {failures.isSuccess && hits.length === 0 && (
        <p className="quiet">
          No request failed in the last hour. <Link to="/search">All requests</Link>
        </p>
      )}
      <HitList hits={hits} />
    </>
  );
}
