import { type ReactNode, useEffect, useId, useRef } from "react";
import "./hint.css";

/**
 * A few characters that need explaining, with the explanation on hover and on focus. `open` shows it from outside, for
 * lists whose rows are not focused themselves; then it is no stop of the Tab key.
 */
export function Hint({
  children,
  text,
  open,
  className = "",
}: {
  children: ReactNode;
  text: string;
  open?: boolean;
  className?: string;
}) {
  const id = useId();
  const anchor = useRef<HTMLSpanElement>(null);
  const bubble = useRef<HTMLSpanElement>(null);
  const show = () => {
    if (!anchor.current || !bubble.current) return;
    const { left, bottom, top } = anchor.current.getBoundingClientRect();
    bubble.current.showPopover();
    const { width, height } = bubble.current.getBoundingClientRect();
    bubble.current.style.left = `${Math.max(4, Math.min(left, window.innerWidth - width - 8))}px`;
    bubble.current.style.top = `${bottom + 4 + height > window.innerHeight ? top - height - 4 : bottom + 4}px`;
  };
  const hide = () => {
    if (bubble.current?.matches(":popover-open")) bubble.current.hidePopover();
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: the two only touch elements
  useEffect(() => {
    if (!open) return;
    show();
    return hide;
  }, [open]);
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it does nothing; it can be reached to be explained */}
      <span
        ref={anchor}
        className={`hint ${className}`}
        aria-describedby={id}
        tabIndex={open === undefined ? 0 : undefined}
        onPointerEnter={show}
        onPointerLeave={open ? undefined : hide}
        onFocus={show}
        onBlur={hide}
      >
        {children}
      </span>
      <span ref={bubble} id={id} role="tooltip" popover="manual" className="hint-bubble">
        {text}
      </span>
    </>
  );
}
