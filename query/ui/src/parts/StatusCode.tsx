import "./status-code.css";

/** A response code as a proxy recorded it; null where no proxy did. */
export function StatusCode({ code }: { code: number | null }) {
  if (code === null) return <span className="status-code none">–</span>;
  const severity = code >= 500 || code === 0 ? "failed" : code >= 400 ? "refused" : "fine";
  return (
    <span className={`status-code ${severity}`} title={code === 0 ? "no response: the client left first" : undefined}>
      {code}
    </span>
  );
}
