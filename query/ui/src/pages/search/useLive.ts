import { useEffect, useMemo, useRef, useState } from "react";
import type { Hit } from "../../api/queries";
import { useFollowed } from "../../api/useFollowed";
import { merged } from "./merged";

const MOST = 500;
/** What had begun before there was a connection isn't told, and its rows may take so long to arrive. */
const ARRIVES_MS = 10_000;

/** The hits, and before them, while `on`, what happens now; the newest first. `again` asks for the hits anew. */
export function useLive(q: string, on: boolean, hits: readonly Hit[], again: () => void) {
  const [fresh, setFresh] = useState<readonly Hit[]>([]);
  const [missed, setMissed] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what fits one search needn't fit another
  useEffect(() => {
    setFresh([]);
    setMissed(false);
  }, [q]);
  const late = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(late.current), []);
  const following = useFollowed(on ? `search/follow?${new URLSearchParams({ q })}` : null, {
    onOpen: (anew) => {
      if (!anew) return;
      again();
      clearTimeout(late.current);
      late.current = setTimeout(again, ARRIVES_MS);
    },
    on: {
      transaction: (data) => setFresh((before) => merged([JSON.parse(data)], before).slice(0, MOST)),
      missed: () => setMissed(true),
    },
  });
  return { hits: useMemo(() => merged(fresh, hits), [fresh, hits]), following, missed: on && missed };
}
