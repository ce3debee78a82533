import { type PointerEvent, useState } from "react";

const SMALLEST_PX = 4;

/** Dragging over an element selects a part of it: shares of its width from 0 to 1, the smaller first. */
export function useDrag(done: (from: number, to: number) => void) {
  const [drag, setDrag] = useState<readonly [number, number] | null>(null);
  const share = (event: PointerEvent<HTMLElement>) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - left) / width));
  };
  return {
    /** What is being dragged over now. */
    drag: drag && ([Math.min(...drag), Math.max(...drag)] as const),
    handlers: {
      onPointerDown: (event: PointerEvent<HTMLElement>) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag([share(event), share(event)]);
      },
      onPointerMove: (event: PointerEvent<HTMLElement>) => {
        if (drag) setDrag([drag[0], share(event)]);
      },
      onPointerUp: (event: PointerEvent<HTMLElement>) => {
        if (!drag) return;
        const [from, to] = [Math.min(drag[0], share(event)), Math.max(drag[0], share(event))];
        setDrag(null);
        if ((to - from) * event.currentTarget.clientWidth >= SMALLEST_PX) done(from, to);
      },
      onPointerCancel: () => setDrag(null),
    },
  };
}
