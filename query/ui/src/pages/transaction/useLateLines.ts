import { useEffect, useRef } from "react";
import { type Following, useFollowed } from "../../api/useFollowed";

/** Lines seldom come alone. */
const SETTLE_MS = 300;

/**
 * While `on`, `again` is called when lines have arrived that the page doesn't have: `known` is how many it has. One call
 * at a time, so that a service that keeps writing doesn't make a large transaction be fetched over and over.
 */
export function useLateLines(id: string, on: boolean, known: number, again: () => Promise<unknown>): Following {
  const now = useRef({ known, again });
  const told = useRef(0);
  const asking = useRef(false);
  const due = useRef(false);
  useEffect(() => {
    now.current = { known, again };
  });
  const ask = () => {
    due.current = true;
    if (asking.current) return;
    asking.current = true;
    setTimeout(async () => {
      due.current = false;
      await now.current.again();
      asking.current = false;
      if (due.current) ask();
    }, SETTLE_MS);
  };
  return useFollowed(on ? `transactions/${encodeURIComponent(id)}/logs?follow=true&kind=log` : null, {
    onOpen: (anew) => {
      if (anew) told.current = 0;
    },
    on: {
      line: () => {
        told.current++;
        if (told.current > now.current.known) ask();
      },
    },
  });
}
