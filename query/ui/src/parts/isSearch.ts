/**
 * Whether a text is a search rather than an ID. IDs have no blanks and no field before an operator; a header copied
 * whole ("x-request-id: …") is an ID. An alias that looks like a search is found by `alias="…"`.
 */
export function isSearch(text: string): boolean {
  if (/^(traceparent|x-request-id|x-transaction-id)\s*:/i.test(text)) return false;
  return /\s/.test(text) || /^[A-Za-z_][\w.\-/]*\s*(!=|!~|<=|>=|=|<|>|~|:\S)/.test(text);
}
