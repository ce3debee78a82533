/** The two IDs in Jaeger's address of a comparison, `A...B`; null for any other. An ID has no three dots in a row. */
export function twoIds(text: string): readonly [string, string] | null {
  const at = text.indexOf("...");
  if (at <= 0 || at + 3 >= text.length) return null;
  return [text.slice(0, at), text.slice(at + 3)];
}
