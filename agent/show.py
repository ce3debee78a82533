"""`weftline-agent show`: what would be woven in this environment, and why the rest would not.

Nothing is guessed: each library is imported and each function woven, in the command's own process.
"""

import importlib
import importlib.util
import io
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TextIO

from weftline.agent.pointcut import Pointcut
from weftline.agent.weave import opcodes, swap, versions
from weftline.agent.weave.attribute import Attribute

NOT_INSTALLED = "not installed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One pointcut's fate: `how` it is woven, or the `reason` why it isn't; one of the two is empty."""

    pointcut: Pointcut
    how: str = ""
    reason: str = ""


def examine(pointcuts: Iterable[Pointcut]) -> Iterator[Finding]:
    """What becomes of each. Imports libraries, whose output is swallowed; leaves nothing woven."""
    try:
        for pointcut in pointcuts:
            yield _examine(pointcut)
    finally:
        swap.unweave_all()


def _examine(pointcut: Pointcut) -> Finding:
    if not _is_installed(pointcut.module):
        return Finding(pointcut, reason=NOT_INSTALLED)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            module = importlib.import_module(pointcut.module)
        versions.require(pointcut.versions)
        target = swap.find(module, pointcut.target)
        swap.weave(target, pointcut, pointcut.load_advice())
    except swap.Refused as reason:
        return Finding(pointcut, reason=str(reason))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - other people's modules are imported
        return Finding(pointcut, reason=f"{type(error).__name__}: {error}".partition("\n")[0])
    if isinstance(target, Attribute):
        return Finding(pointcut, how="in C: replaced")
    return Finding(pointcut, how="bytecode rewritten" if opcodes.rewrites() else "code replaced")


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def report(findings: Iterable[Finding], out: TextIO) -> None:
    """Prints a line for each pointcut of an installed library, by library, and at the end those not installed."""
    rows = list(findings)
    present = [row for row in rows if row.reason != NOT_INSTALLED]
    width = max((len(row.pointcut.where) for row in present), default=0)
    for row in sorted(present, key=lambda row: row.pointcut.where):
        fate = f"woven      {row.how}" if row.how else f"left alone {row.reason}"
        print(f"{row.pointcut.where:{width}}  {fate}".rstrip(), file=out)
    missing = sorted({row.pointcut.module.partition(".")[0] for row in rows} - {
        row.pointcut.module.partition(".")[0] for row in present
    })  # fmt: skip
    if missing:
        print(f"\nnot installed: {', '.join(missing)}", file=out)
    woven = sum(bool(row.how) for row in rows)
    print(f"\n{woven} functions would be woven, {len(present) - woven} left alone.", file=out)
