/** What stands between two empty lines: an event if it has a name and data, and the id to come back with. */
export type Block = { name: string; data: string; id: string | null };

/** Text of Server-Sent Events, cut anywhere, to its blocks: with line ends as our service writes them. */
export class EventStream {
  private rest = "";

  push(text: string): Block[] {
    const blocks = (this.rest + text).split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.map(read);
  }
}

function read(text: string): Block {
  const block: Block = { name: "", data: "", id: null };
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    const value = line.slice(colon + 1).replace(/^ /, "");
    const field = line.slice(0, colon);
    if (field === "event") block.name = value;
    else if (field === "id") block.id = value;
    else if (field === "data") block.data = block.data ? `${block.data}\n${value}` : value;
  }
  return block;
}
