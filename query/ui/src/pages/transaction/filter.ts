/** Which entries a person wants to see. Pure. */
import type { Entry } from "../../api/queries";
import type { InView } from "./address";
import { LEVELS, levelOf, words } from "./words";

const texts = new WeakMap<Entry, string>();

/** Everything in an entry that can be looked for, in lower case. */
function textOf(entry: Entry): string {
  let text = texts.get(entry);
  if (text === undefined) {
    const { text: line, flagsText } = words(entry);
    text = `${line}\n${flagsText}\n${JSON.stringify(entry)}`.toLowerCase();
    texts.set(entry, text);
  }
  return text;
}

/** Whether the entry has the text somewhere: line, attributes, ids, events. */
export function has(entry: Entry, text: string): boolean {
  return textOf(entry).includes(text.toLowerCase());
}

type Filter = Pick<InView, "services" | "kinds" | "level" | "errors" | "find" | "only">;

/** Whether an entry passes; null where every one does. A level concerns log lines alone. */
export function filterOf(wanted: Filter): ((entry: Entry) => boolean) | null {
  const checks: ((entry: Entry) => boolean)[] = [];
  if (wanted.errors) checks.push((entry) => entry.error);
  if (wanted.services.length) {
    const services = new Set(wanted.services);
    checks.push((entry) => services.has(entry.service));
  }
  if (wanted.kinds.length) {
    const kinds = new Set<string>(wanted.kinds);
    checks.push((entry) => kinds.has(entry.kind));
  }
  if (wanted.level) {
    const lowest = LEVELS.indexOf(wanted.level);
    checks.push(
      (entry) =>
        entry.kind !== "log" ||
        // A line that has no level may be anything.
        LEVELS.indexOf(levelOf(entry.severity_number, entry.severity_text) ?? "fatal") >= lowest,
    );
  }
  if (wanted.only && wanted.find) checks.push((entry) => has(entry, wanted.find));
  return checks.length ? (entry) => checks.every((check) => check(entry)) : null;
}
