/** Answers of the API that go on: Server-Sent Events, with a state that can be shown, and connected again when they end. */
import { useEffect, useRef, useState } from "react";
import { BASE_PATH } from "../base";
import { waitBefore } from "./waitBefore";

/** `lost`: there is no connection; another try comes by itself. */
export type Following = "off" | "connecting" | "open" | "lost";

type Heard = {
  /** A connection is there. What happened before it isn't told. */
  onOpen: () => void;
  /** JSON of an event, by its name. */
  on: Record<string, (data: string) => void>;
};

/** Follows `GET /api/v1/{path}` (with its query) while it is not null. What is heard by may change at any time; which events may not. */
export function useFollowed(path: string | null, heard: Heard): Following {
  const [state, setState] = useState<Following>("off");
  const now = useRef(heard);
  useEffect(() => {
    now.current = heard;
  });
  useEffect(() => {
    if (path === null) return setState("off");
    let source: EventSource | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    const again = () => {
      source?.close();
      clearTimeout(timer);
      timer = setTimeout(connect, waitBefore(failures));
    };
    // The browser doesn't come back to a service that refuses, and says of no failure what it was: one way for all.
    const lost = () => {
      failures++;
      setState("lost");
      again();
    };
    const connect = () => {
      source = new EventSource(`${BASE_PATH}/api/v1/${path}`);
      source.onopen = () => {
        failures = 0;
        setState("open");
        now.current.onOpen();
      };
      source.onerror = lost;
      // Its time is over; nothing is wrong.
      source.addEventListener("end", again);
      for (const name of Object.keys(now.current.on)) {
        source.addEventListener(name, (event) => now.current.on[name]?.(event.data));
      }
    };
    setState("connecting");
    connect();
    // Nothing else tells that the other end can't be reached any more.
    window.addEventListener("offline", lost);
    return () => {
      window.removeEventListener("offline", lost);
      clearTimeout(timer);
      source?.close();
    };
  }, [path]);
  return state;
}
