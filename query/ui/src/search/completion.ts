/** What could be written at a place of a search: names of fields, their operators, their values. Pure. */
import type { SearchField } from "../api/queries";
import { quoted } from "./term";

export type Option = { text: string; says: string };
/** `options` each replace the characters from `from` to `to`. */
export type Completion = { from: number; to: number; options: Option[] };

const WORDS: Option[] = [
  { text: "and", says: "both, in any rows of the transaction" },
  { text: "or", says: "either" },
  { text: "not", says: "without what follows" },
];
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];
const MOST = 12;

export function complete(
  text: string,
  caret: number,
  fields: readonly SearchField[],
  services: readonly string[],
): Completion {
  const before = text.slice(0, caret);
  const rest = /^[^\s()]*/.exec(text.slice(caret))?.[0].length ?? 0;
  const value = /(?:^|[\s(])([A-Za-z_][\w.\-/]*)\s*(!=|!~|<=|>=|=|<|>|~|:)\s*("[^"]*|[^\s()"]*)$/.exec(before);
  if (value) {
    const [, name, , begun = ""] = value;
    const field = fields.find((one) => one.name === name);
    const options = field ? values(field, services).filter(({ text }) => begins(text, begun)) : [];
    return { from: caret - begun.length, to: caret + rest, options: options.slice(0, MOST) };
  }
  const word = /(?:^|[\s(])([A-Za-z_][\w.\-/]*)?$/.exec(before);
  if (!word) return { from: caret, to: caret, options: [] };
  const begun = word[1] ?? "";
  const exact = fields.find((one) => one.name === begun);
  if (exact) {
    const options = exact.operators.map((sign) => ({ text: `${begun}${sign}`, says: MEANINGS[sign] ?? "" }));
    return { from: caret - begun.length, to: caret + rest, options };
  }
  const names = fields
    .filter((field) => begins(field.name, begun))
    .map((field) => ({ text: field.operators.includes("=") ? `${field.name}=` : field.name, says: field.description }));
  const words = before.trim() === begun ? [] : WORDS.filter((one) => begins(one.text, begun));
  return { from: caret - begun.length, to: caret + rest, options: [...words, ...names].slice(0, MOST) };
}

const MEANINGS: Record<string, string> = {
  "=": "is; * stands for anything",
  "!=": "is not",
  "~": "matches a regular expression",
  "!~": "doesn't match",
  ":": "contains",
  "<": "less than",
  "<=": "at most",
  ">": "more than",
  ">=": "at least",
};

function values(field: SearchField, services: readonly string[]): Option[] {
  if (field.name === "service") return services.map((one) => ({ text: quoted(one), says: "" }));
  if (field.type === "level") return LEVELS.map((text) => ({ text, says: "" }));
  if (field.type === "duration") return ["100ms", "500ms", "1s", "5s"].map((text) => ({ text, says: "" }));
  if (field.type === "time") return ["5m", "15m", "1h", "6h", "1d"].map((text) => ({ text, says: "ago" }));
  return field.values.map((text) => ({ text, says: "" }));
}

function begins(text: string, begun: string): boolean {
  return text.toLowerCase().startsWith(begun.toLowerCase()) && text !== begun;
}
