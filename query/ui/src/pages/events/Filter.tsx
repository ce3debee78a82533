import type { ReactNode } from "react";
import { oneLine } from "../../format/printable";
import "./filter.css";

type Props = {
  title: string;
  /** Each with how many there are, where that is known. */
  values: readonly (readonly [string, number | null])[];
  chosen: readonly string[];
  onToggle: (value: string) => void;
  name?: (value: string) => ReactNode;
};

/** Values that can be chosen, several at a time; none chosen is all. */
export function Filter({ title, values, chosen, onToggle, name = oneLine }: Props) {
  const there = values.map(([value]) => value);
  const all = [...values, ...chosen.filter((value) => !there.includes(value)).map((value) => [value, 0] as const)];
  if (all.length === 0) return null;
  return (
    <fieldset className="filter">
      <legend>{title}</legend>
      {all.map(([value, count]) => (
        <button key={value} type="button" aria-pressed={chosen.includes(value)} onClick={() => onToggle(value)}>
          <span className="value">{name(value)}</span> {count !== null && <span className="quiet">{count}</span>}
        </button>
      ))}
    </fieldset>
  );
}
