import { type CSSProperties, memo } from "react";
import { duration } from "../../format/duration";
import { oneLine } from "../../format/printable";
import { attemptsOf } from "./attemptIndex";
import type { Segment } from "./criticalPath";
import type { Model } from "./model";
import { Outcome } from "./Outcome";
import { described, words } from "./words";

const DEEPEST_INDENT = 14;

type Props = {
  model: Model;
  index: number;
  top: number;
  height: number;
  range: readonly [number, number];
  folded: boolean;
  onFold: (index: number, to: boolean) => void;
  onSelect: (index: number) => void;
  selected: boolean;
  active: boolean;
  faint: boolean;
  found: boolean;
  evidence: boolean;
  waits: readonly Segment[] | undefined;
  position: number;
  size: number;
};

/** One row: who and what in words, and when as a bar or a mark. */
export const TimelineRow = memo(function TimelineRow(props: Props) {
  const { model, index, folded, active } = props;
  const entry = model.entries[index];
  if (!entry) return null;
  const { service, proxy, text, code, flags, flagsText, note, level } = words(entry);
  const depth = model.rows.depth[index] as number;
  const below = (model.rows.end[index] as number) - (model.rows.place[index] as number) - 1;
  const inLanes = model.lanes.length > 0;
  const cause = entry.parent === null ? undefined : model.entries[entry.parent];
  const state = [
    "entry",
    entry.kind,
    entry.error && "error",
    model.innermost[index] && "innermost",
    props.selected && "selected",
    active && "active",
    props.faint && "faint",
    props.found && "found",
    props.evidence && `evidence${model.answer.summary.verdict?.failed ? " failed" : ""}`,
  ];
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree around it has the focus and takes the keys
    // biome-ignore lint/a11y/useFocusableInteractive: as above
    <div
      id={`row-${index}`}
      role="treeitem"
      aria-level={depth + 1}
      aria-posinset={props.position}
      aria-setsize={props.size}
      aria-selected={props.selected}
      aria-expanded={below > 0 ? !folded : undefined}
      aria-description={described(entry)}
      className={state.filter(Boolean).join(" ")}
      style={
        {
          top: props.top,
          height: props.height,
          "--lane": model.colours.get(entry.service) ?? "var(--quiet)",
        } as CSSProperties
      }
      onClick={() => props.onSelect(index)}
    >
      <div className="what" style={{ "--depth": Math.min(depth, DEEPEST_INDENT) } as CSSProperties}>
        {below > 0 ? (
          <button
            type="button"
            className="fold"
            tabIndex={-1}
            aria-label={folded ? "Unfold" : "Fold"}
            onClick={(event) => {
              event.stopPropagation();
              props.onFold(index, !folded);
            }}
          >
            {folded ? "▸" : "▾"}
          </button>
        ) : (
          <span className="fold" />
        )}
        {depth > DEEPEST_INDENT && <span className="depth">{depth}</span>}
        {level && <span className={`level ${level}`}>{level}</span>}
        <bdi className={inLanes ? "visually-hidden" : "service"}>{service}</bdi>
        {proxy && <span className="proxy">{proxy}</span>}
        <bdi className="text">{text}</bdi>
        <Outcome code={code} flags={flags} flagsText={flagsText} open={active} />
        {props.evidence && !props.selected && (
          <span className="began">{model.answer.summary.verdict?.failed ? "it began here" : "see here"}</span>
        )}
        {note && <bdi className="aside">{note}</bdi>}
        {inLanes && cause && cause.service !== entry.service && (
          <bdi className="aside">caused by {oneLine(cause.service)}</bdi>
        )}
        {entry.parent_by === "inferred" && (
          <span
            className="inferred"
            title="No id says what caused this row; its place follows from service, time and retries."
          >
            place inferred
          </span>
        )}
        {folded && below > 0 && <span className="below">+{below}</span>}
      </div>
      <Bar {...props} />
    </div>
  );
});

function Bar({ model, index, range, waits }: Props) {
  const entry = model.entries[index];
  const [from, to] = range;
  const share = (time: number) => ((time - from) / (to - from)) * 100;
  const start = share(model.times.start[index] as number);
  const end = share(model.times.end[index] as number);
  if (!entry) return null;
  if (end < 0 || start > 100) {
    return (
      <div className="when">
        {<span className={`outside ${end < 0 ? "before" : "after"}`}>{end < 0 ? "‹" : "›"}</span>}
      </div>
    );
  }
  if (entry.kind === "log") {
    return (
      <div className="when">
        <i className="mark" style={{ left: `${start}%` }} />
      </div>
    );
  }
  const left = Math.max(start, -1);
  const width = Math.min(end, 101) - left;
  const took = duration(entry.duration_ns);
  const place =
    end < 82
      ? { left: `${Math.max(end, 0)}%` }
      : start > 18
        ? { right: `${100 - start}%` }
        : { right: `${100 - Math.min(end, 100)}%` };
  const shift = model.times.shift[index] as number;
  const attempts =
    entry.kind === "access_log" && entry.upstream_attempts > 1
      ? attemptsOf(model.attempts, model.entries, model.times, index)
      : [];
  return (
    <div className="when">
      <i className={`bar${shift ? " shifted" : ""}`} style={{ left: `${left}%`, width: `${width}%` }} />
      {attempts.map((one, number) => (
        <i
          key={one}
          className={`try${model.entries[one]?.error ? " error" : ""}`}
          style={{
            left: `${share(model.times.start[one] as number)}%`,
            width: `${share(model.times.end[one] as number) - share(model.times.start[one] as number)}%`,
          }}
        >
          {number + 1}
        </i>
      ))}
      {waits?.map((one) => (
        <i
          key={one.start}
          className="waited"
          style={{
            left: `${Math.max(share(one.start), 0)}%`,
            width: `${Math.min(share(one.end), 100) - Math.max(share(one.start), 0)}%`,
          }}
        />
      ))}
      <span className={`took${end < 82 || start > 18 ? "" : " inside"}`} style={place}>
        {took}
        {shift !== 0 && ` · clock ${shift > 0 ? "+" : "−"}${duration(Math.abs(shift))}`}
      </span>
    </div>
  );
}
