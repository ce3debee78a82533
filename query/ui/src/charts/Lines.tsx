import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./lines.css";
import { keepDrawn, overTime, tone } from "./overTime";

export type Line = {
  name: string;
  /** One a time; null where there is nothing. */
  values: readonly (number | null)[];
  /** Of all the time; what stands beside the name while no time is pointed at. */
  whole: number | null;
  /** A token of the style sheet: "--accent". */
  colour: string;
};

type Props = {
  title: string;
  /** Seconds since the epoch. */
  at: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  /** Charts with the same one have one cursor. */
  together: string;
  /** Called with the place of a time that was clicked on. */
  onChoose: (index: number) => void;
};

const HEIGHT = 160;
const AXIS = 64;

/** Figures over time as lines from nothing up; the figures under the cursor stand beside their names. */
export function Lines({ title, at, lines, format, together, onChoose }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState<number | null>(null);
  const choose = useRef(onChoose);
  choose.current = onChoose;
  const said = useRef(format);
  said.current = format;

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const u = new uPlot(
      {
        ...overTime(element, HEIGHT, {
          size: AXIS,
          space: 32,
          values: (_, ticks) => ticks.map((it) => said.current(it)),
        }),
        cursor: {
          drag: { setScale: false, x: false, y: false },
          points: { size: 7 },
          y: false,
          sync: { key: together },
        },
        scales: { x: { time: true }, y: { range: (_u, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
        series: [
          {},
          ...lines.map(
            (line): uPlot.Series => ({
              stroke: tone(element, line.colour),
              width: 1.5,
              points: { show: at.length < 3, size: 6 },
            }),
          ),
        ],
        hooks: { setCursor: [(u) => setPlace(u.cursor.idx ?? null)] },
      },
      [[...at], ...lines.map((line) => [...line.values])] as uPlot.AlignedData,
      element,
    );
    const click = () => {
      if (u.cursor.idx !== null && u.cursor.idx !== undefined) choose.current(u.cursor.idx);
    };
    u.over.addEventListener("click", click);
    return keepDrawn(u, element);
  }, [at, lines, together]);

  return (
    <figure className="lines">
      <figcaption>
        <strong>{title}</strong>
        {lines.map(({ name, values, whole, colour }) => {
          const value = place === null ? whole : values[place];
          return (
            <span key={name} className="name" style={{ "--tone": `var(${colour})` } as React.CSSProperties}>
              {name} {value === null || value === undefined ? "–" : format(value)}
            </span>
          );
        })}
      </figcaption>
      <div
        ref={frame}
        role="img"
        aria-label={`${title}: ${inWords(lines, format)}. The table of steps has all figures.`}
      />
    </figure>
  );
}

function inWords(lines: readonly Line[], format: (value: number) => string): string {
  return lines
    .map(({ name, values }) => {
      const known = values.filter((value) => value !== null);
      return known.length === 0
        ? `${name} unknown`
        : `${name} from ${format(Math.min(...known))} to ${format(Math.max(...known))}`;
    })
    .join(", ");
}
