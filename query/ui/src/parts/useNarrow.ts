import { useCallback, useSyncExternalStore } from "react";

const PHONE = "(max-width: 46rem)";

/** Whether the window is as narrow as a phone, or as a media query says. */
export function useNarrow(query = PHONE): boolean {
  const subscribe = useCallback(
    (changed: () => void) => {
      const media = window.matchMedia(query);
      media.addEventListener("change", changed);
      return () => media.removeEventListener("change", changed);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => window.matchMedia(query).matches);
}
