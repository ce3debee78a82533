import type { Entry } from "../../api/queries";
import type { InView } from "./address";
import type { Model } from "./model";

/** What every view of a transaction is given. */
export type ViewProps = {
  model: Model;
  inView: InView;
  change: (change: Partial<InView>) => void;
  /** Selects an entry by its index; more changes go along with it. */
  select: (index: number, more?: Partial<InView>) => void;
  /** Index of the selected entry, -1 for none. */
  selected: number;
  /** null where every entry passes. */
  filter: ((entry: Entry) => boolean) | null;
};
