import { Link } from "react-router";
import { AnswerError } from "../../api/client";
import { Trouble } from "../../parts/Trouble";

/** Why there is nothing under this ID, and what can be done about it. */
export function NotFound({ id, error, again }: { id: string; error: Error; again: () => void }) {
  const status = error instanceof AnswerError ? error.status : 0;
  return (
    <section className="not-found">
      <title>{`${id} · weftline`}</title>
      <h1>
        {status === 404
          ? "Nothing is known under this ID"
          : status === 400
            ? "This is no ID"
            : "It could not be looked up"}
      </h1>
      <Trouble error={error} />
      {status === 404 && (
        <ul>
          <li>If it happened just now, its rows may still be on their way: look again in a few seconds.</li>
          <li>If it is old, its rows may have been deleted: the store keeps them for a limited time.</li>
          <li>
            Otherwise <Link to={`/search?${new URLSearchParams({ q: `alias="${id}"`, since: "1d" })}`}>search</Link> by
            service, path or time instead.
          </li>
        </ul>
      )}
      {status === 400 && (
        <p>
          A transaction ID has 32 hex digits. An x-request-id, a whole <code>traceparent</code> or any alias will do
          too.
        </p>
      )}
      <p className="buttons">
        {status !== 400 && (
          <button type="button" className="primary" onClick={again}>
            Look again
          </button>
        )}
        <Link to="/search">Search</Link>
        <Link to="/">Begin anew</Link>
      </p>
    </section>
  );
}
