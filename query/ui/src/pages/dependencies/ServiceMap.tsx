import { useMemo } from "react";
import { Link } from "react-router";
import { duration } from "../../format/duration";
import { percent } from "../../format/percent";
import { brief } from "../../format/printable";
import { rate } from "../../format/rate";
import { useNarrow } from "../../parts/useNarrow";
import { type Call, endOf, keyOf, type Service, services, severity } from "./graph";
import { LABEL, NODE, path, place } from "./layout";
import "./service-map.css";

type Props = {
  /** Of which some are shown. */
  all: readonly Call[];
  calls: readonly Call[];
  service: string;
  /** Addresses of a call's transactions and of the map around a service. */
  transactionsOf: (call: Call) => string;
  around: (service: string) => string;
};

const LONGEST = 18;
const LONGEST_FLAG = 8;
/** A large map becomes so much smaller before it has to be scrolled. */
const LEAST_SCALE = 0.7;
/** About as wide as one of a label's. */
const CHARACTER = 6.8;
/** Lines are so many pixels thicker for each ten times as many calls. */
const THICKER = 0.8;

/** Services and their calls: what is red fails, what is thick is frequent; a click on a call leads to its transactions. */
export function ServiceMap({ all, calls, service, transactionsOf, around }: Props) {
  const narrow = useNarrow();
  const ends = useMemo(() => shownOf(all, calls), [all, calls]);
  const placed = useMemo(() => place(ends, calls, narrow), [ends, calls, narrow]);
  const least = Math.min(...calls.map((one) => one.perSecond));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keys too
    <section className="service-map" aria-label="Service map" tabIndex={0}>
      <svg
        viewBox={`0 0 ${placed.width} ${placed.height}`}
        style={{ inlineSize: placed.width, minInlineSize: LEAST_SCALE * placed.width }}
      >
        <title>Services and their calls; the table below has the same</title>
        <defs>
          {(["fine", "some", "many"] as const).map((kind) => (
            <marker
              key={kind}
              id={`arrow-${kind}`}
              className={kind}
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="9"
              markerHeight="9"
              markerUnits="userSpaceOnUse"
              orient="auto"
            >
              <path d="M0,0L8,4L0,8z" />
            </marker>
          ))}
        </defs>
        {calls.map((call) => {
          const it = placed.calls.get(keyOf(call));
          if (!it) return null;
          const kind = severity(call.share);
          const failed = call.share > 0 ? ` · ${percent(call.share)} err` : "";
          const flags = call.share > 0 ? flagsOf(call) : "";
          const under = `p95 ${duration(call.durations["0.95"] ?? 0)}${flags && ` · ${flags}`}`;
          const wide = CHARACTER * Math.max(rate(call.perSecond).length + failed.length, under.length) + 8;
          // What is to be read there, with what it is of.
          const says = `${brief(call.from)} calls ${brief(call.to)}: ${rate(call.perSecond)}${failed} ${under}`;
          return (
            <Link key={keyOf(call)} to={transactionsOf(call)} className={`call ${kind}`} aria-label={says}>
              <title>{`${says}. Click for these transactions.`}</title>
              <path className="reach" d={path(it.way)} />
              <path
                className="way"
                d={path(it.way)}
                markerEnd={`url(#arrow-${kind})`}
                strokeWidth={1.5 + THICKER * Math.log10(call.perSecond / least)}
              />
              <rect
                x={it.label.x - Math.min(LABEL.width, wide) / 2}
                y={it.label.y - LABEL.height / 2}
                width={Math.min(LABEL.width, wide)}
                height={LABEL.height}
                rx="4"
              />
              <text x={it.label.x} y={it.label.y - 3}>
                {rate(call.perSecond)}
                <tspan className="errors">{failed}</tspan>
              </text>{" "}
              <text x={it.label.x} y={it.label.y + 12} className="under">
                {under}
              </text>
            </Link>
          );
        })}
        {ends.map((end) => {
          const at = placed.services.get(endOf(end.name, end.known));
          if (!at) return null;
          return <Box key={endOf(end.name, end.known)} end={end} {...at} chosen={end.name === service} to={around} />;
        })}
      </svg>
    </section>
  );
}

function Box(props: { end: Service; x: number; y: number; chosen: boolean; to: (service: string) => string }) {
  const { end, x, y, chosen, to } = props;
  const full = brief(end.name);
  const name = full.length > LONGEST ? `${full.slice(0, LONGEST - 1)}…` : full;
  const gets = end.perSecond > 0 ? `gets ${rate(end.perSecond)}` : "only calls";
  const under = end.known ? gets : "no row of its own";
  const inside = (
    <>
      <title>{end.known ? full : `${full}: an upstream that sent no row of its own`}</title>
      <rect x={x - NODE.width / 2} y={y - NODE.height / 2} width={NODE.width} height={NODE.height} rx="6" />
      <text x={x} y={y - 3}>
        {name}
      </text>{" "}
      <text x={x} y={y + 13} className="under">
        {under}
      </text>
    </>
  );
  const classes = `end ${severity(end.share)} ${end.known ? "" : "unknown"} ${chosen ? "chosen" : ""}`;
  if (!end.known) return <g className={classes}>{inside}</g>;
  return (
    <Link
      to={to(chosen ? "" : end.name)}
      className={classes}
      aria-label={`${name} ${under}: ${chosen ? "show all services" : `show only calls of and to ${full}`}`}
    >
      {inside}
    </Link>
  );
}

/** The ends of `calls`, each with what arrives at it by all. */
function shownOf(all: readonly Call[], calls: readonly Call[]): Service[] {
  const there = new Set(services(calls).map(({ name, known }) => endOf(name, known)));
  return services(all).filter(({ name, known }) => there.has(endOf(name, known)));
}

/** What the proxies on the way flagged first: "UF ×4". */
function flagsOf({ proxies }: Call): string {
  const sums = new Map<string, number>();
  for (const { flag, calls } of proxies.flatMap((one) => one.flags)) sums.set(flag, (sums.get(flag) ?? 0) + calls);
  const [most] = sums;
  return most ? `${brief(most[0], LONGEST_FLAG)} ×${most[1]}` : "";
}
