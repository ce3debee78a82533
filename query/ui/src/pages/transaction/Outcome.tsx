import { Hint } from "../../parts/Hint";

/** What came of a request: `503 UF,URX`, as bad as it is. Flags explain themselves on hover and focus. */
export function Outcome({
  code,
  flags,
  flagsText,
  open,
}: {
  code: number | null;
  flags: string;
  flagsText: string;
  open?: boolean;
}) {
  const how = code === null ? "" : code >= 500 || code === 0 ? "failed" : code >= 400 ? "refused" : "fine";
  const pass = open === undefined ? {} : { open };
  return (
    <>
      {code === 0 ? (
        <Hint
          className={`code ${how}`}
          text="The client left, or the connection broke, before there was a response."
          {...pass}
        >
          0
        </Hint>
      ) : (
        code !== null && <span className={`code ${how}`}>{code}</span>
      )}
      {flags && (
        <Hint
          className={`flags ${how === "fine" ? "noted" : how}`}
          text={`${flags}: ${flagsText || "a flag of Envoy's"}`}
          {...pass}
        >
          {flags}
        </Hint>
      )}
    </>
  );
}
