import { expect, test } from "vitest";
import { EventStream } from "./eventStream";

const TEXT =
  ': following\nid: s-0-5\n\nevent: line\ndata: {"a": 1}\nid: s-1-6\n\n: nothing new\n\nevent: end\ndata: {}\n\n';
const BLOCKS = [
  { name: "", data: "", id: "s-0-5" },
  { name: "line", data: '{"a": 1}', id: "s-1-6" },
  { name: "", data: "", id: null },
  { name: "end", data: "{}", id: null },
];

test("blocks are the same wherever the network cuts them", () => {
  expect(new EventStream().push(TEXT)).toEqual(BLOCKS);
  for (let at = 0; at <= TEXT.length; at++) {
    const stream = new EventStream();
    expect([...stream.push(TEXT.slice(0, at)), ...stream.push(TEXT.slice(at))]).toEqual(BLOCKS);
  }
});

test("what isn't complete is not told, and data of several lines is one", () => {
  const stream = new EventStream();
  expect(stream.push("event: line\ndata: a\ndata: b\n")).toEqual([]);
  expect(stream.push("\n")).toEqual([{ name: "line", data: "a\nb", id: null }]);
});
