import { brief, printable } from "../format/printable";
import "./flags.css";

/** Envoy's response flags; what they mean on hover, and for screen readers. */
export function Flags({ flags, text }: { flags: readonly string[]; text: string }) {
  if (flags.length === 0) return null;
  return (
    <abbr className="flags" title={printable(text)}>
      {brief(flags.join(","))}
    </abbr>
  );
}
