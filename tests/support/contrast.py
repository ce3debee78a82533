"""How well a page's texts can be read: WCAG's contrast of each against the very pixels that are painted behind it.

What lies over something else (a label on a bar) is what axe can't judge: it knows elements, not what they paint on.
"""

import base64
from typing import NamedTuple

from playwright.sync_api import Page

AA = 4.5
"""WCAG 2.2, 1.4.3, for text of ordinary size."""
_TEXTS = """root => {
  const texts = [];
  const walker = document.createTreeWalker(document.querySelector(root), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const { color, fill } = getComputedStyle(element);
    const [red, green, blue, alpha = 1] = (element.ownerSVGElement ? fill : color).match(/[\\d.]+/g).map(Number);
    // Letters that only keep room for others' marks.
    if (alpha === 0) continue;
    let opacity = alpha;
    let box = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
    const within = (it) => {
      box = { left: Math.max(box.left, it.left), top: Math.max(box.top, it.top),
              right: Math.min(box.right, it.right), bottom: Math.min(box.bottom, it.bottom) };
    };
    for (let around = element; around; around = around.parentElement) {
      const style = getComputedStyle(around);
      opacity *= Number(style.opacity);
      if (style.overflowX !== "visible" || style.clipPath !== "none") within(around.getBoundingClientRect());
    }
    const range = document.createRange();
    range.setStart(node, node.data.search(/\\S/));
    range.setEnd(node, node.data.trimEnd().length);
    within(range.getBoundingClientRect());
    // The letters' own height: a line's box is higher, and may reach over an edge.
    const rim = (box.bottom - box.top) / 4;
    box.top += rim;
    box.bottom -= rim;
    if (box.right - box.left > 1 && box.bottom - box.top > 1)
      texts.push({ text: node.data.trim(), of: element.getAttribute('class') ?? '', colour: [red, green, blue], opacity, box });
  }
  return texts;
}"""
_WITHOUT_TEXT = """
* { color: transparent !important; text-decoration: none !important }
svg text, svg tspan { fill: transparent !important }
"""
_RATIOS = """async ({ picture, texts }) => {
  const bytes = Uint8Array.from(atob(picture), (one) => one.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  canvas.drawImage(bitmap, 0, 0);
  const light = (colour) => {
    const [red, green, blue] = colour.map((it) => it / 255).map((it) =>
      it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  return texts.map(({ colour, opacity, box }) => {
    const left = Math.ceil(box.left), top = Math.ceil(box.top);
    const wide = Math.max(1, Math.floor(box.right) - left), high = Math.max(1, Math.floor(box.bottom) - top);
    const { data } = canvas.getImageData(left, top, wide, high);
    let least = 21;
    for (let at = 0; at < data.length; at += 4) {
      const behind = [data[at], data[at + 1], data[at + 2]];
      const seen = colour.map((it, place) => it * opacity + behind[place] * (1 - opacity));
      const [dark, bright] = [light(seen), light(behind)].sort((a, b) => a - b);
      least = Math.min(least, (bright + 0.05) / (dark + 0.05));
    }
    return least;
  });
}"""


class Contrast(NamedTuple):
    """Of one text, where it is weakest."""

    ratio: float
    text: str
    of: str
    """Classes of its element."""


def contrasts(page: Page, root: str) -> list[Contrast]:
    """Every text in view below the element ``root``, weakest first."""
    texts = page.evaluate(_TEXTS, root)
    without = page.add_style_tag(content=_WITHOUT_TEXT)
    picture = page.screenshot(scale="css", animations="disabled", caret="hide")
    without.evaluate("style => style.remove()")
    ratios = page.evaluate(_RATIOS, {"picture": base64.b64encode(picture).decode(), "texts": texts})
    return sorted(Contrast(round(ratio, 2), it["text"], it["of"]) for ratio, it in zip(ratios, texts, strict=True))
