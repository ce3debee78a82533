"""Version ranges of pointcuts: `"requests>=2.20,<3"`. Release numbers only; no dependency."""

import operator
import re
from collections.abc import Callable
from typing import Final

from weftline.agent import installed
from weftline.agent.weave.swap import Refused

_COMPARE: Final[dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_CONDITION: Final = re.compile(r"(>=|<=|==|!=|>|<)\s*([0-9.]+)")


def require(text: str) -> None:
    """Raises :class:`Refused` unless the installed distribution is in the range; an empty text allows any."""
    if not text:
        return
    name = re.split(r"[<>=!\s]", text, maxsplit=1)[0]
    version = installed.version(name)
    if version is None:
        return  # a vendored copy: there is a module to weave and nothing that names its version
    if not allows(text[len(name) :], version):
        raise Refused(f"version {version} is outside {text}")


def allows(conditions: str, version: str) -> bool:
    """Whether a version meets every condition of a comma-separated list."""
    release = _release(version)
    return all(_COMPARE[sign](*_padded(release, _release(bound))) for sign, bound in _CONDITION.findall(conditions))


def _release(version: str) -> tuple[int, ...]:
    match = re.match(r"[0-9]+(\.[0-9]+)*", version)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def _padded(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    size = max(len(left), len(right))
    return left + (0,) * (size - len(left)), right + (0,) * (size - len(right))
