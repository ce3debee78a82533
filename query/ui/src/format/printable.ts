/**
 * Texts of others, made harmless to look at. React escapes markup; what is left are characters that move, hide or turn
 * text around: escape sequences of terminals, direction overrides, zero-width ones. They are spelt out, as `\x1b`.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu;
/** Line breaks and tabs mean what they say, and U+200D joins emoji. */
const KEPT = new Set(["\n", "\t", "\u200d"]);

function spelt(character: string): string {
  if (KEPT.has(character)) return character;
  const number = character.codePointAt(0) ?? 0;
  if (number < 0x100) return `\\x${number.toString(16).padStart(2, "0")}`;
  return number < 0x10000 ? `\\u${number.toString(16).padStart(4, "0")}` : `\\u{${number.toString(16)}}`;
}

/** The text with its lines kept. */
export function printable(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(INVISIBLE, spelt);
}

const LONGEST_LINE = 1_000;

/** The beginning of the text on one line, `⏎` for its line breaks. */
export function oneLine(text: string): string {
  const start = text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE)}…` : text;
  return printable(start.trim())
    .replace(/\s*\n\s*/g, " ⏎ ")
    .replace(/\t/g, " ");
}

/** A name on one line; of one that is no name any more, its beginning. */
export function brief(name: string, most = 120): string {
  const line = oneLine(name);
  return line.length > most ? `${line.slice(0, most)}…` : line;
}
