"""A cut as data: which function, which of its arguments, and the advice that is called around it."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["server", "client", "producer", "consumer", "internal", "observe"]


@dataclass(frozen=True, slots=True)
class Advice:
    """What runs around a woven function, as module-level functions (so that pickling by value stores references).

    `enter` gets the pointcut's arguments and returns a token or None; with `Pointcut.replaces` a tuple of the new
    values and the token last. `leave` gets the token and the result, `error` the token and the exception. What is
    None costs nothing. Whatever they raise is contained.
    """

    enter: Callable[..., Any]
    leave: Callable[[Any, Any], Any] | None = None
    error: Callable[[Any, BaseException], Any] | None = None


@dataclass(frozen=True, slots=True)
class Pointcut:
    """One cut. The library is never imported for it: the strings are looked up once its module has been loaded.

    `kind` is the span's kind, or `observe` for advice that leaves the context alone (the only one allowed on
    generators). `scope` names a layer that makes one span however many libraries are stacked in it
    (`http.client`). `versions` is the library's range, such as `"requests>=2.20,<3"`; empty means any.
    """

    module: str
    target: str
    advice: str | Advice
    args: tuple[str, ...] = ()
    kind: Kind = "internal"
    scope: str = ""
    versions: str = ""
    replaces: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """`module:target`, for counters and logs."""
        return f"{self.module}:{self.target}"

    def load_advice(self) -> Advice:
        """The advice itself, imported if it is named by a string `package.module:NAME`."""
        if isinstance(self.advice, Advice):
            return self.advice
        module, _, name = self.advice.partition(":")
        advice = getattr(importlib.import_module(module), name)
        if not isinstance(advice, Advice):
            raise TypeError(f"{self.advice} is no Advice")
        return advice
