import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { isSearch } from "./isSearch";

/** One box for whatever a person has in hand: a transaction ID, an x-request-id, any alias, or a search. */
export function IdBox({ autoFocus = false }: { autoFocus?: boolean }) {
  const [text, setText] = useState("");
  const navigate = useNavigate();
  const go = (event: FormEvent) => {
    event.preventDefault();
    const wanted = text.trim();
    if (wanted) {
      navigate(
        isSearch(wanted) ? `/search?${new URLSearchParams({ q: wanted })}` : `/trace/${encodeURIComponent(wanted)}`,
      );
    }
  };
  return (
    <search>
      <form className="id-box" onSubmit={go}>
        <input
          aria-label="Transaction ID, x-request-id, alias, or a search"
          placeholder="ID or search: status=error service=cart"
          value={text}
          onChange={(event) => setText(event.target.value)}
          // biome-ignore lint/a11y/noAutofocus: it is all that the home page is for
          autoFocus={autoFocus}
          spellCheck={false}
          autoComplete="off"
        />
        <button type="submit">Go</button>
      </form>
    </search>
  );
}
