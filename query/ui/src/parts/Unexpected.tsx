import { isRouteErrorResponse, useRouteError } from "react-router";

/** A bug of ours, or a new version whose files are not the ones this page was made for. */
export function Unexpected() {
  const error = useRouteError();
  const text = isRouteErrorResponse(error) ? error.statusText : error instanceof Error ? error.message : String(error);
  return (
    <main>
      <h1>This page failed</h1>
      <p className="mono">{text}</p>
      <p>
        If weftline was just updated, <a href=".">load it again</a>. The terminal shows the same:{" "}
        <code>weftline tx ID</code>.
      </p>
    </main>
  );
}
