import { useEffect, useState } from "react";

const SLOW_S = 2;

/** While the rows are on their way: how long already, and a way out. */
export function Loading({ id, cancel, again }: { id: string; cancel: () => void; again?: (() => void) | undefined }) {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    if (again) return;
    setSeconds(0);
    const timer = setInterval(() => setSeconds((before) => before + 1), 1000);
    return () => clearInterval(timer);
  }, [again]);
  if (again) {
    return (
      <section className="loading">
        <p role="status">
          Cancelled before <code>{id}</code> was read.
        </p>
        <button type="button" className="primary" onClick={again}>
          Load it after all
        </button>
      </section>
    );
  }
  return (
    <section className="loading">
      <title>{`${id} · weftline`}</title>
      <p role="status">
        Looking for every log of <code>{id}</code> …
        {seconds >= SLOW_S && ` ${seconds} s. Large transactions take a while.`}
      </p>
      <progress aria-label="Loading" />
      <button type="button" onClick={cancel}>
        Cancel
      </button>
    </section>
  );
}
