/** Answers of the API that go on: Server-Sent Events, with a state that can be shown, and taken up again where they end. */
import { useEffect, useRef, useState } from "react";
import { BASE_PATH } from "../base";
import { EventStream } from "./eventStream";
import { waitBefore } from "./waitBefore";

/** `lost`: there is no connection; another try comes by itself. */
export type Following = "off" | "connecting" | "open" | "lost";

type Heard = {
  /** A connection is there. It goes on with what the one before told; `anew`: it doesn't, what happened until now isn't told, or all of it is. */
  onOpen: (anew: boolean) => void;
  /** JSON of an event, by its name. */
  on: Record<string, (data: string) => void>;
};

/** Follows `GET /api/v1/{path}` (with its query) while it is not null. What is heard by may change at any time. */
export function useFollowed(path: string | null, heard: Heard): Following {
  const [state, setState] = useState<Following>("off");
  const now = useRef(heard);
  useEffect(() => {
    now.current = heard;
  });
  useEffect(() => {
    if (path === null) return setState("off");
    let connection = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    let last = "";
    const again = () => {
      connection.abort();
      clearTimeout(timer);
      timer = setTimeout(connect, waitBefore(failures));
    };
    const lost = () => {
      failures++;
      setState("lost");
      again();
    };
    const connect = async () => {
      const mine = new AbortController();
      connection = mine;
      const over = await hear(mine.signal).catch(() => false);
      if (mine.signal.aborted) return;
      if (over) again();
      else lost();
    };
    /** Whether the service says that it ends. EventSource wouldn't do: it doesn't come back to one that refused, and a new one doesn't know the last id. */
    const hear = async (signal: AbortSignal): Promise<boolean> => {
      const headers = { accept: "text/event-stream", ...(last && { "last-event-id": last }) };
      const answer = await fetch(`${BASE_PATH}/api/v1/${path}`, { headers, cache: "no-store", signal });
      if (!answer.ok || !answer.body) return false;
      const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      const stream = new EventStream();
      for (let open = false; ; ) {
        const { done, value } = await text.read();
        if (done) return false;
        for (const { name, data, id } of stream.push(value)) {
          if (id !== null) last = id;
          if (!open) {
            open = true;
            failures = 0;
            setState("open");
            now.current.onOpen(id !== null);
          } else if (name === "end") return true;
          else if (name) now.current.on[name]?.(data);
        }
      }
    };
    setState("connecting");
    connect();
    // Nothing else tells that the other end can't be reached any more.
    window.addEventListener("offline", lost);
    return () => {
      window.removeEventListener("offline", lost);
      clearTimeout(timer);
      connection.abort();
    };
  }, [path]);
  return state;
}
