import "./trend.css";

type Props = {
  values: readonly number[];
  /** Of each value the part that failed, share of 1. */
  failed: readonly (number | null)[];
  label: string;
};

const HEIGHT = 22;

/** How a figure went, as small as a word; the failed part of it in red. */
export function Trend({ values, failed, label }: Props) {
  const most = Math.max(...values);
  if (!(most > 0)) return <span className="quiet">–</span>;
  return (
    <svg className="trend" viewBox={`0 0 ${values.length} ${HEIGHT}`} preserveAspectRatio="none" role="img">
      <title>{label}</title>
      {values.map((value, at) => {
        const height = (HEIGHT * value) / most;
        const red = height * (failed[at] ?? 0);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a step is its place
          <g key={at}>
            <rect x={at} width={0.9} y={HEIGHT - height} height={height - red} />
            {red > 0 && (
              <rect className="failed" x={at} width={0.9} y={HEIGHT - Math.max(red, 2)} height={Math.max(red, 2)} />
            )}
          </g>
        );
      })}
    </svg>
  );
}
