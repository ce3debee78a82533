import { type FormEvent, type KeyboardEvent, useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { type InView, VIEW_NAMES, VIEWS, type View } from "./address";
import type { Model } from "./model";

/** The views of one transaction, and the way to compare it with another. */
export function Views({
  view,
  change,
  model,
}: {
  view: View;
  change: (change: Partial<InView>) => void;
  model: Model;
}) {
  // Where they don't all fit, the chosen one is in sight.
  useEffect(() => {
    const tab = document.getElementById(`tab-${view}`);
    if (tab?.parentElement) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 40;
  }, [view]);
  const go = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const next = VIEWS[(VIEWS.indexOf(view) + step + VIEWS.length) % VIEWS.length] as View;
    change({ view: next });
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div className="views">
      <div role="tablist" aria-label="Views of this transaction" onKeyDown={go}>
        {VIEWS.map((one) => (
          <button
            key={one}
            id={`tab-${one}`}
            type="button"
            role="tab"
            aria-selected={one === view}
            aria-controls="view"
            tabIndex={one === view ? 0 : -1}
            onClick={() => change({ view: one })}
          >
            {VIEW_NAMES[one]}
          </button>
        ))}
      </div>
      <CompareWith id={model.answer.transaction_id} />
    </div>
  );
}

function CompareWith({ id }: { id: string }) {
  const [other, setOther] = useState("");
  const navigate = useNavigate();
  const go = (event: FormEvent) => {
    event.preventDefault();
    const wanted = other.trim();
    if (wanted) navigate(`/trace/${id}...${encodeURIComponent(wanted)}`);
  };
  return (
    <form className="compare-with" onSubmit={go}>
      <input
        aria-label="Compare with: ID of another transaction"
        placeholder="compare with ID"
        value={other}
        onChange={(event) => setOther(event.target.value)}
        spellCheck={false}
        autoComplete="off"
      />
      <button type="submit">Compare</button>
    </form>
  );
}
