import { useState } from "react";
import { printable } from "../../format/printable";
import { CopyButton } from "../../parts/CopyButton";

const MOST = 200;
const LONGEST = 1_000;

type Props = { title: string; values: readonly (readonly [string, string])[]; filter: string; small?: boolean };

/** Names and values, those that a filter leaves; long ones are cut until asked for. */
export function KeyValues({ title, values, filter, small = false }: Props) {
  const [all, setAll] = useState(false);
  const wanted = filter.toLowerCase();
  const left = values.filter(
    ([name, value]) => name.toLowerCase().includes(wanted) || value.toLowerCase().includes(wanted),
  );
  if (values.length === 0 && !small) return null;
  if (left.length === 0 && wanted) return null;
  const shown = all ? left : left.slice(0, MOST);
  return (
    <section className={`key-values${small ? " small" : ""}`}>
      {small ? <h4 dir="auto">{title}</h4> : <h3>{title}</h3>}
      {shown.length > 0 && (
        <table>
          <caption className="visually-hidden">{title}</caption>
          <tbody>
            {shown.map(([name, value]) => (
              <tr key={name}>
                <th scope="row" dir="auto">
                  {printable(name)}
                </th>
                <td>
                  <Value text={value} />
                </td>
                <td>
                  <CopyButton name="copy" label={`Copy ${printable(name).slice(0, 80)}`} text={() => value} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {shown.length < left.length && (
        <button type="button" onClick={() => setAll(true)}>
          Show all {left.length}
        </button>
      )}
    </section>
  );
}

function Value({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && text.length > LONGEST;
  return (
    <>
      <span className="value" dir="auto">
        {printable(cut ? text.slice(0, LONGEST) : text) || <span className="quiet">(empty)</span>}
      </span>
      {cut && (
        <button type="button" className="link" onClick={() => setWhole(true)}>
          … all {text.length.toLocaleString("en")} characters
        </button>
      )}
    </>
  );
}
