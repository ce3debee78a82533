import { type KeyboardEvent, useId, useMemo, useRef, useState } from "react";
import { useSearchFields, useServices } from "../../api/queries";
import { complete, type Option } from "../../search/completion";
import "./query-box.css";

type Props = {
  text: string;
  onText: (text: string) => void;
  onSubmit: () => void;
  /** Where the text can't be understood, `column` counted from 1. */
  mistake: { column: number; length: number } | null;
};

/** A box for a search, which offers what could come next, and underlines what can't be understood. */
export function QueryBox({ text, onText, onSubmit, mistake }: Props) {
  const fields = useSearchFields().data?.fields;
  const services = useServices().data;
  const [caret, setCaret] = useState(text.length);
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const mirror = useRef<HTMLDivElement>(null);
  const list = useId();
  const completion = useMemo(
    () => complete(text, caret, fields ?? [], services ?? []),
    [text, caret, fields, services],
  );
  const options = open ? completion.options : [];

  const take = (option: Option) => {
    const next = text.slice(0, completion.from) + option.text + text.slice(completion.to);
    const at = completion.from + option.text.length;
    onText(next);
    setCaret(at);
    setActive(-1);
    requestAnimationFrame(() => input.current?.setSelectionRange(at, at));
  };
  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    const chosen = options[active];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) return setOpen(true);
      const step = event.key === "ArrowDown" ? 1 : -1;
      setActive(
        options.length ? (active + step + options.length + (active < 0 && step < 0 ? 1 : 0)) % options.length : -1,
      );
    } else if (event.key === "Enter" && chosen) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === "Enter") {
      setOpen(false);
      onSubmit();
    } else if (event.key === "Tab" && chosen) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === "Escape") {
      setOpen(false);
      setActive(-1);
    }
  };
  const look = () => {
    const field = input.current;
    if (field) setCaret(field.selectionStart ?? field.value.length);
    if (field && mirror.current) mirror.current.scrollLeft = field.scrollLeft;
  };
  const begin = mistake ? mistake.column - 1 : 0;
  return (
    <div className="query-box">
      <div className="mirror" ref={mirror} aria-hidden="true">
        {mistake && (
          <>
            {text.slice(0, begin)}
            <mark>{text.slice(begin, begin + mistake.length) || "\u00a0"}</mark>
            {text.slice(begin + mistake.length)}
          </>
        )}
      </div>
      <input
        ref={input}
        role="combobox"
        aria-label="Search"
        aria-expanded={options.length > 0}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={options[active] ? `${list}-${active}` : undefined}
        aria-invalid={mistake !== null}
        aria-describedby={mistake ? "search-trouble" : undefined}
        placeholder="service=cart status=error duration>500ms log:&quot;timeout&quot;"
        value={text}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => {
          onText(event.target.value);
          setCaret(event.target.selectionStart ?? event.target.value.length);
          setOpen(true);
          setActive(-1);
        }}
        onKeyDown={press}
        onSelect={look}
        onScroll={look}
        onClick={() => setOpen(true)}
        onBlur={() => setOpen(false)}
      />
      <div role="listbox" id={list} aria-label="What could come next" hidden={options.length === 0}>
        {options.map((option, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the box has the focus and its keys choose
          // biome-ignore lint/a11y/useFocusableInteractive: as above
          <div
            key={option.text}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === active}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => take(option)}
          >
            <code>{option.text}</code> <span>{option.says}</span>
          </div>
        ))}
      </div>
    </div>
  );
}
