import { useEffect, useState } from "react";

const SAID_MS = 1_500;

/** Puts a text on the clipboard, and says whether that worked. */
export function CopyButton({ text, name, label }: { text: () => string; name: string; label?: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(""), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => {
    // Without TLS there is no clipboard API, except on localhost.
    setSaid((await toClipboard(text())) ? "copied" : "not copied");
  };
  return (
    <button type="button" className="copy" onClick={copy} aria-label={label ?? name} title={label ?? name}>
      <span aria-live="polite">{said || name}</span>
    </button>
  );
}

async function toClipboard(text: string): Promise<boolean> {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
