import { AnswerError } from "../api/client";
import { printable } from "../format/printable";

/** Why there is nothing to show, and what to do next. The message is the service's own and keeps its lines. */
export function Trouble({ error, retry }: { error: Error; retry?: () => void }) {
  const refused = error instanceof AnswerError && error.status < 500;
  return (
    <div role="alert" className="trouble">
      <pre>{printable(error.message)}</pre>
      {error instanceof AnswerError && error.status === 401 && (
        // The page itself is asked for: the service answers with its form, which leads back to here.
        <button type="button" onClick={() => window.location.reload()}>
          Sign in
        </button>
      )}
      {!refused && retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
