import { Fragment, useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import type { Entry } from "../../api/queries";
import { duration } from "../../format/duration";
import { oneLine, printable } from "../../format/printable";
import { timestamp } from "../../format/time";
import { CopyButton } from "../../parts/CopyButton";
import { Hint } from "../../parts/Hint";
import { Attempts } from "./Attempts";
import { sendAgain } from "./curl";
import "./detail.css";
import { fieldsOf } from "./fields";
import { KeyValues } from "./KeyValues";
import type { Model } from "./model";
import { Outcome } from "./Outcome";
import { KIND_NAMES, words } from "./words";

type Props = { model: Model; index: number; select: (index: number) => void; close: () => void };

/** Everything that one row says. */
export function Detail({ model, index, select, close }: Props) {
  const pane = useRef<HTMLElement>(null);
  const [filter, setFilter] = useState("");
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === "Escape" && pane.current?.contains(document.activeElement)) close();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [close]);
  const entry = model.entries[index];
  if (!entry) return null;
  const { service, proxy, text, code, flags, flagsText } = words(entry);
  const verdict = model.answer.summary.verdict;
  const command = sendAgain(entry);
  return (
    <aside className="detail" ref={pane} aria-label="Detail of the selected row">
      <div className="detail-head" style={{ "--lane": model.colours.get(entry.service) } as React.CSSProperties}>
        <div>
          <bdi className="service">{service}</bdi> {proxy} <span className="quiet">{KIND_NAMES[entry.kind]}</span>
        </div>
        <button type="button" onClick={close} aria-label="Close detail">
          ×
        </button>
      </div>
      <h2 dir="auto">
        {entry.kind === "log" ? "" : text} <Outcome code={code} flags={flags} flagsText={flagsText} />
      </h2>
      {verdict?.entry === index && (
        <p className={`verdict ${verdict.failed ? "failed" : "noted"}`} dir="auto">
          {printable(verdict.text)}
        </p>
      )}
      {entry.kind === "log" && (
        <pre className="body" dir="auto">
          {printable(entry.body) || "(empty line)"}
        </pre>
      )}
      <p className="buttons">
        <CopyButton name="copy as JSON" text={() => JSON.stringify(entry, null, 2)} />
        {command && (
          <CopyButton name="copy as curl" label="Copy as curl: the request, to send it again" text={() => command} />
        )}
        <CopyButton name="copy link" text={() => location.href} />
      </p>
      <Facts model={model} index={index} entry={entry} select={select} flagsText={flagsText} />
      <Attempts model={model} index={index} select={select} />
      <input
        aria-label="Filter fields and attributes"
        placeholder="filter fields and attributes"
        value={filter}
        onChange={(event) => setFilter(event.target.value)}
        spellCheck={false}
      />
      <KeyValues title="Record" values={fieldsOf(entry)} filter={filter} />
      <KeyValues title="Attributes" values={Object.entries(entry.attributes)} filter={filter} />
      {entry.kind === "span" && entry.events.length > 0 && (
        <section>
          <h3>Events</h3>
          {entry.events.map((event, number) => (
            <KeyValues
              // biome-ignore lint/suspicious/noArrayIndexKey: events never change their order
              key={number}
              title={`${oneLine(event.name) || "(no name)"} · ${duration(Number(BigInt(event.time_unix_nano) - BigInt(entry.time_unix_nano)))} in`}
              values={Object.entries(event.attributes)}
              filter={filter}
              small
            />
          ))}
        </section>
      )}
      {entry.kind === "span" && entry.links.length > 0 && (
        <section>
          <h3>Links</h3>
          {entry.links.map((link, number) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: links never change their order
            <Fragment key={number}>
              <Link to={`/trace/${link.trace_id}?${new URLSearchParams({ row: `s.${link.span_id}` })}`}>
                <code>{link.trace_id}</code>
              </Link>
              <KeyValues
                title={`span ${link.span_id}`}
                values={Object.entries(link.attributes)}
                filter={filter}
                small
              />
            </Fragment>
          ))}
        </section>
      )}
      <KeyValues title="Resource" values={Object.entries(entry.resource)} filter={filter} />
      <details>
        <summary>Raw record</summary>
        <pre className="raw">{printable(JSON.stringify(entry, null, 2))}</pre>
      </details>
    </aside>
  );
}

function Facts({ model, index, entry, select, flagsText }: Omit<Props, "close"> & { entry: Entry; flagsText: string }) {
  const { entries, times } = model;
  const shift = times.shift[index] as number;
  const cause = entry.parent === null ? undefined : entries[entry.parent];
  return (
    <dl className="detail-facts">
      {flagsText && (
        <>
          <dt>flags</dt>
          <dd className="bad">{printable(flagsText)}</dd>
        </>
      )}
      <dt>time</dt>
      <dd>
        {timestamp(entry.time_unix_nano)} <span className="quiet">UTC, own clock</span>
      </dd>
      <dt>offset</dt>
      <dd>
        {duration(entry.offset_ns)}
        {entry.offset_ns < 0 && (
          <Hint
            className="noted"
            text="This row was written by a host whose clock is behind that of the first row's host."
          >
            {" "}
            clock behind
          </Hint>
        )}
        {shift !== 0 && (
          <span className="noted">
            {" "}
            · shown {duration(Math.abs(shift))} {shift > 0 ? "later" : "earlier"} (inferred)
          </span>
        )}
      </dd>
      {entry.kind !== "log" && (
        <>
          <dt>took</dt>
          <dd>
            {duration(entry.duration_ns)}{" "}
            {entry.self_ns > 0 && <span className="quiet">of it itself {duration(entry.self_ns)}</span>}
          </dd>
        </>
      )}
      <dt>caused by</dt>
      <dd>
        {cause && entry.parent !== null ? (
          <>
            <button type="button" className="link" onClick={() => select(entry.parent as number)}>
              <bdi>
                {words(cause).service} {words(cause).proxy} {words(cause).text}
              </bdi>
            </button>
            {entry.parent_by === "inferred" && <span className="noted"> inferred, not by ids</span>}
          </>
        ) : (
          <span className="quiet">nothing that was recorded</span>
        )}
      </dd>
      {entry.span_id && (
        <>
          <dt>span ID</dt>
          <dd>
            <code>{entry.span_id}</code>
          </dd>
        </>
      )}
    </dl>
  );
}
