/** A term of the search language. The value stands in quotes where it would otherwise mean something else. */
export function term(field: string, operator: string, value: string): string {
  return `${field}${operator}${operator === "~" || operator === "!~" ? inQuotes(value) : quoted(value)}`;
}

/** A regular expression: everything in it is meant as it stands. */
function inQuotes(value: string): string {
  return `"${value.replaceAll('"', '\\"')}"`;
}

/** `*` is a wildcard also between quotes, and `..` a range only without them. */
export function quoted(value: string): string {
  if (/^[^\s()"'*\\]+$/.test(value) && !value.includes("..")) return value;
  return inQuotes(value.replaceAll("*", "\\*"));
}

/** A name that the language doesn't know is an attribute; one without a dot has to say so. */
export function attribute(name: string): string {
  return name.includes(".") ? name : `attribute.${name}`;
}

/** The parts of a search that stand beside each other with `and`, outside of quotes and parentheses. */
export function parts(search: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let quote = "";
  let begin = 0;
  for (let at = 0; at < search.length; at++) {
    const sign = search[at] ?? "";
    if (quote) {
      if (sign === quote && search[at - 1] !== "\\") quote = "";
    } else if (sign === '"' || sign === "'") quote = sign;
    else if (sign === "(") depth++;
    else if (sign === ")") depth--;
    else if (depth === 0) {
      const and = /^\sand\s/i.exec(search.slice(at, at + 5));
      if (and) {
        found.push(search.slice(begin, at).trim());
        at += 4;
        begin = at;
      }
    }
  }
  found.push(search.slice(begin).trim());
  return found.filter((part) => part !== "");
}

/** Whether an `or` outside of quotes and parentheses binds more loosely than an `and` added at the end would. */
function isEither(search: string): boolean {
  return /(^|\s)or(\s|$)/i.test(search.replace(/"(\\"|[^"])*"|'(\\'|[^'])*'|\([^()]*\)/g, ""));
}

/** The search with `part` added, or, where it has it already, taken away. */
export function toggled(search: string, part: string): string {
  const there = parts(search);
  if (there.includes(part)) return there.filter((one) => one !== part).join(" and ");
  if (search.trim() === "") return part;
  return `${isEither(search) ? `(${search.trim()})` : search.trim()} and ${part}`;
}
