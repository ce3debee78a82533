import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { type InView, read, write } from "./address";

/** Browsers refuse more than about a hundred changes of the address in ten seconds; a held arrow key makes more. */
const SETTLED_MS = 200;

/** What is in view, and how to change it. Shown at once, in the address as soon as it rests. */
export function useInView(): [InView, (change: Partial<InView>) => void] {
  const [parameters, setParameters] = useSearchParams();
  const [pending, setPending] = useState<Partial<InView>>({});
  const written = useRef<Partial<InView>>({});

  const inView = useMemo(() => ({ ...read(parameters), ...pending }), [parameters, pending]);
  const change = useCallback((more: Partial<InView>) => setPending((before) => ({ ...before, ...more })), []);

  useEffect(() => {
    if (Object.keys(pending).length === 0) return;
    const timer = setTimeout(() => {
      written.current = pending;
      setParameters((before) => write(before, pending), { replace: true, preventScrollReset: true });
    }, SETTLED_MS);
    return () => clearTimeout(timer);
  }, [pending, setParameters]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the new address that says the change has arrived
  useEffect(() => {
    const arrived = written.current;
    written.current = {};
    if (Object.keys(arrived).length === 0) return;
    // What was changed again meanwhile is still to be written.
    setPending((now) =>
      Object.fromEntries(
        Object.entries(now).filter(([name, value]) => arrived[name as keyof InView] !== value || !(name in arrived)),
      ),
    );
  }, [parameters]);

  return [inView, change];
}
