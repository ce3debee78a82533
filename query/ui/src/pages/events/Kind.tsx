import type { CSSProperties } from "react";
import { isKind, KINDS } from "./kinds";
import "./kind.css";

/** A kind of event by name and colour. */
export function Kind({ kind }: { kind: string }) {
  const { name, series } = isKind(kind) ? KINDS[kind] : { name: kind, series: 8 };
  return (
    <span className="event-kind" style={{ "--kind": `var(--series-${series})` } as CSSProperties}>
      {name}
    </span>
  );
}
