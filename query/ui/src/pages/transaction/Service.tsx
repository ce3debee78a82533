import type { CSSProperties } from "react";
import { oneLine } from "../../format/printable";
import type { Model } from "./model";

/** A service's name in its colour. */
export function Service({ name, model }: { name: string; model: Pick<Model, "colours"> }) {
  return (
    <bdi className="service" style={{ "--lane": model.colours.get(name) ?? "var(--quiet)" } as CSSProperties}>
      {oneLine(name) || "?"}
    </bdi>
  );
}
