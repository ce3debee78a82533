import "./flags.css";

/** Envoy's response flags; what they mean on hover, and for screen readers. */
export function Flags({ flags, text }: { flags: readonly string[]; text: string }) {
  if (flags.length === 0) return null;
  return (
    <abbr className="flags" title={text}>
      {flags.join(",")}
    </abbr>
  );
}
