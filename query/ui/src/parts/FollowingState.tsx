import type { Following } from "../api/useFollowed";
import "./following-state.css";

/** Whether what happens now is really on its way to this page. `open`: what to expect while it is. */
export function FollowingState({ state, open }: { state: Following; open: string }) {
  if (state === "off") return null;
  return (
    <span role="status" className={`following ${state}`}>
      {state === "open"
        ? open
        : state === "connecting"
          ? "Connecting …"
          : "The connection is lost. Trying again; what happens meanwhile will be here then."}
    </span>
  );
}
