import { duration } from "../../format/duration";
import { oneLine } from "../../format/printable";
import { Hint } from "../../parts/Hint";
import type { ViewProps } from "./viewProps";
import { KINDS, LEVELS } from "./words";

const KIND_LABELS = { span: "spans", access_log: "access logs", attempt: "attempts", log: "log lines" } as const;

type Props = ViewProps & {
  matches: readonly number[];
  /** Those are still of what was looked for before. */
  looking: boolean;
  failures: readonly number[];
  step: (those: readonly number[], forward: boolean) => void;
};

/** What is looked for and what is left out; all of it is in the address. */
export function Filters({ model, inView, change, selected, filter, matches, looking, failures, step }: Props) {
  const { entries, colours, times } = model;
  const { view, services, kinds, level, errors, find, only, depth } = inView;
  const rows = view === "timeline" || view === "logs" || view === "spans";
  const at = matches.indexOf(selected);
  const toggled = <T,>(those: readonly T[], one: T) =>
    those.includes(one) ? those.filter((other) => other !== one) : [...those, one];
  return (
    <div className="filters">
      {rows && (
        <div className="row">
          <search className="find">
            <input
              id="find"
              type="text"
              aria-label="Find in rows"
              placeholder="find (press /)"
              value={find}
              onChange={(event) => change({ find: event.target.value })}
              onKeyDown={(event) => {
                if (event.key === "Enter") step(matches, !event.shiftKey);
                if (event.key === "Escape") event.currentTarget.blur();
              }}
              spellCheck={false}
              autoComplete="off"
            />
            {find && (
              <>
                <output className="quiet">
                  {looking
                    ? ""
                    : matches.length === 0
                      ? "nothing"
                      : `${at >= 0 ? `${at + 1} of ` : ""}${matches.length.toLocaleString("en")}`}
                </output>
                <button
                  type="button"
                  aria-label="Previous match (N)"
                  disabled={!matches.length}
                  onClick={() => step(matches, false)}
                >
                  ↑
                </button>
                <button
                  type="button"
                  aria-label="Next match (n)"
                  disabled={!matches.length}
                  onClick={() => step(matches, true)}
                >
                  ↓
                </button>
                <label>
                  <input type="checkbox" checked={only} onChange={(event) => change({ only: event.target.checked })} />{" "}
                  only these
                </label>
              </>
            )}
          </search>
          <button type="button" disabled={!failures.length} onClick={() => step(failures, true)} title="Next error (e)">
            Next error
          </button>
          <label>
            <input type="checkbox" checked={errors} onChange={(event) => change({ errors: event.target.checked })} />{" "}
            errors only
          </label>
          {view !== "spans" && (
            <label>
              level{" "}
              <select
                aria-label="Lowest level of log lines"
                value={level}
                onChange={(event) => change({ level: LEVELS.find((one) => one === event.target.value) ?? "" })}
              >
                <option value="">any</option>
                {LEVELS.map((one) => (
                  <option key={one} value={one}>
                    {one === "fatal" ? one : `${one} and worse`}
                  </option>
                ))}
              </select>
            </label>
          )}
          {view === "timeline" && (
            <>
              <fieldset>
                <legend className="visually-hidden">Kinds of rows</legend>
                {KINDS.map((kind) => (
                  <button
                    key={kind}
                    type="button"
                    className="chip"
                    aria-pressed={kinds.includes(kind)}
                    onClick={() => change({ kinds: toggled(kinds, kind) })}
                  >
                    {KIND_LABELS[kind]}
                  </button>
                ))}
              </fieldset>
              <label>
                fold{" "}
                <select
                  aria-label="Fold rows"
                  value={depth ?? ""}
                  onChange={(event) => change({ depth: event.target.value === "" ? null : Number(event.target.value) })}
                >
                  <option value="">nothing</option>
                  {Array.from({ length: Math.min(model.rows.deepest, 12) }, (_, index) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: the number is what it stands for
                    <option key={index} value={index}>
                      {index === 0 ? "all" : `below level ${index}`}
                    </option>
                  ))}
                </select>
              </label>
              <label>
                <input
                  type="checkbox"
                  checked={inView.path}
                  onChange={(event) => change({ path: event.target.checked })}
                />{" "}
                critical path
              </label>
            </>
          )}
          {filter && (
            <button
              type="button"
              onClick={() => change({ services: [], kinds: [], level: "", errors: false, only: false })}
            >
              Show all rows
            </button>
          )}
        </div>
      )}
      <fieldset className="row services">
        <legend className="visually-hidden">Services</legend>
        {[...colours].map(([service, colour]) => (
          <button
            key={service}
            type="button"
            className="chip"
            aria-pressed={services.includes(service)}
            disabled={!rows}
            style={{ "--lane": colour } as React.CSSProperties}
            onClick={() => change({ services: toggled(services, service) })}
          >
            <i className="swatch" aria-hidden /> <bdi>{oneLine(service)}</bdi>
          </button>
        ))}
        {view === "timeline" && (
          <label title="Rows by service, each service's in one lane">
            <input
              type="checkbox"
              checked={inView.lanes}
              onChange={(event) => change({ lanes: event.target.checked })}
            />{" "}
            lanes by service
          </label>
        )}
        {(model.skewed || times.first < 0) && (
          <span className="clock">
            <Hint text={clockText(model)}>{inView.clock === "raw" ? "clocks as recorded" : "clocks corrected"}</Hint>
            {model.skewed && (
              <button type="button" onClick={() => change({ clock: inView.clock === "raw" ? "corrected" : "raw" })}>
                {inView.clock === "raw" ? "correct them" : "show as recorded"}
              </button>
            )}
          </span>
        )}
        {filter && (
          <span className="quiet">
            {entries.filter(filter).length.toLocaleString("en")} of {entries.length.toLocaleString("en")} rows pass
          </span>
        )}
      </fieldset>
    </div>
  );
}

function clockText({ answer, times }: ViewProps["model"]): string {
  const moved = answer.clocks
    .filter(({ correction_ns }) => correction_ns !== 0)
    .map(({ services, correction_ns, earliest_ns, latest_ns }) => {
      const off = `${duration(Math.abs(correction_ns))} ${correction_ns > 0 ? "behind" : "ahead"}`;
      const bounded = earliest_ns !== null && latest_ns !== null;
      return `${services.map(oneLine).join(", ")} is ${off}${bounded ? `, give or take ${duration((latest_ns - earliest_ns) / 2)}` : ""}`;
    });
  if (moved.length) {
    return `What callers and callees recorded of the same calls doesn't fit: clocks disagree. Inferred, not recorded: ${moved.join("; ")}.`;
  }
  return times.first < 0
    ? "Rows with a negative time were written by a host whose clock is behind that of the first row's. They stand below their cause all the same."
    : "";
}
