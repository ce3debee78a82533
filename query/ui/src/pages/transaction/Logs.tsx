import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Following } from "../../api/useFollowed";
import { duration } from "../../format/duration";
import { printable } from "../../format/printable";
import { clock } from "../../format/time";
import { FollowingState } from "../../parts/FollowingState";
import { has } from "./filter";
import "./logs.css";
import type { ViewProps } from "./viewProps";
import { levelOf } from "./words";

const LINE = 26;
const LONGEST = 4_000;

/** The log lines alone, by time, as `tail -f` would have them. */
export function Logs({
  model,
  inView,
  select,
  selected,
  filter,
  following,
  setFollow,
}: ViewProps & { following: Following; setFollow: (follow: boolean) => void }) {
  const follow = following !== "off";
  const { entries, times, keys, colours } = model;
  const lines = useMemo(() => {
    const found: number[] = [];
    entries.forEach((entry, index) => {
      if (entry.kind === "log" && (!filter || filter(entry))) found.push(index);
    });
    return found.sort((a, b) => (times.start[a] as number) - (times.start[b] as number));
  }, [entries, times, filter]);
  const list = useRef<HTMLOListElement>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setMargin((list.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  const virtual = useWindowVirtualizer({
    count: lines.length,
    estimateSize: () => LINE,
    overscan: 15,
    scrollMargin: margin,
    getItemKey: (line) => keys[lines[line] as number] as string,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: new lines are what moves it
  useEffect(() => {
    if (follow && lines.length > 0) virtual.scrollToIndex(lines.length - 1, { align: "end" });
  }, [follow, lines.length]);
  return (
    <section aria-label="Log lines" className="logs">
      <p className="logs-bar">
        <button type="button" aria-pressed={follow} className="chip" onClick={() => setFollow(!follow)}>
          {follow ? "Following" : "Follow"}
        </button>
        <span className="quiet" role="status">
          {lines.length.toLocaleString("en")} {lines.length === 1 ? "line" : "lines"}
        </span>
        <FollowingState state={following} open="further lines appear as they arrive" />
      </p>
      {lines.length === 0 && (
        <p role="status" className="nothing">
          {model.answer.summary.logs === 0
            ? "No service wrote a line with this transaction's ID. The agent stamps them; `weftline doctor` says whether it is loaded."
            : "No line passes these filters. Show all rows, or choose others."}
        </p>
      )}
      <ol ref={list} className="lines" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const index = lines[item.index] as number;
          const entry = entries[index];
          if (entry?.kind !== "log") return null;
          const level = levelOf(entry.severity_number, entry.severity_text);
          const found = inView.find !== "" && has(entry, inView.find);
          const body = entry.body || entry.event_name;
          return (
            <li
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              aria-posinset={item.index + 1}
              aria-setsize={lines.length}
              className={`line ${level ?? ""}${index === selected ? " selected" : ""}${found ? " found" : ""}`}
              style={
                { top: item.start - margin, "--lane": colours.get(entry.service) ?? "var(--quiet)" } as CSSProperties
              }
            >
              <button
                type="button"
                className="open"
                onClick={() => select(index)}
                aria-label={`Detail of the line at ${clock(entry.time_unix_nano)}`}
                title={`${duration(entry.offset_ns)} after the first row`}
              >
                <time>{clock(entry.time_unix_nano)}</time>
              </button>
              <span className={`level ${level ?? ""}`}>{level ?? "–"}</span>
              <bdi className="service">{printable(entry.service)}</bdi>
              <span className="body" dir="auto">
                {printable(body.length > LONGEST ? `${body.slice(0, LONGEST)}…` : body) || "(empty line)"}
                {entry.attributes["exception.type"] && (
                  <b>
                    {" "}
                    {printable(entry.attributes["exception.type"])}:{" "}
                    {printable((entry.attributes["exception.message"] ?? "").slice(0, LONGEST))}
                  </b>
                )}
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
