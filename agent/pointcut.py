"""A cut as data: which function, which of its arguments, and the advice that is called around it.

What the engine can weave, and what it asks for:

===================================  ===================================================================
target                               what happens
===================================  ===================================================================
Python function, method, coroutine   its code object is rewritten; everybody who holds it runs the advice
generator, async generator           the same. `enter` runs with the first `next`. Advice that makes a context
                                     current must give it back at each yield: see `Advice.pause`
function in C (`_sqlite3:connect`)   a Python function with the same signature takes its place, in its module and
                                     wherever `from x import y` had put it. If the C function does not tell its
                                     signature, the pointcut does (`signature`)
method of a type in C                the same on the type, if the type may be changed; else refused, unless the
                                     pointcut asks for a `subclass` to take the type's place
a type itself, a property, data      refused; name its `__init__` or the method that matters
===================================  ===================================================================
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["server", "client", "producer", "consumer", "internal", "observe"]


@dataclass(frozen=True, slots=True)
class Advice:
    """What runs around a woven function, as module-level functions (so that pickling by value stores references).

    `enter` gets the pointcut's arguments and returns a token or None; with `Pointcut.replaces` a tuple of the new
    values and the token last. `leave` gets the token and the result, and with `Pointcut.returns` what it returns takes
    the result's place. `error` gets the token and the exception, which goes on. What is None costs nothing. Whatever
    they raise is contained: the token is then None, arguments and result stay as they were.

    In generators `pause` gets the token before each yield to the consumer, `resume` when the consumer comes back,
    also with an exception (`throw`, `close`); awaiting in an async generator is no yield. Elsewhere they do nothing.
    `pause` puts the consumer's context back, `resume` the generator's.
    """

    enter: Callable[..., Any]
    leave: Callable[[Any, Any], Any] | None = None
    error: Callable[[Any, BaseException], Any] | None = None
    pause: Callable[[Any], Any] | None = None
    resume: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Pointcut:
    """One cut. The library is never imported for it: the strings are looked up once its module has been loaded.

    `kind` is the span's kind, or `observe` for advice that leaves the context alone (on generators any other kind
    needs `pause` and `resume`). `scope` names a layer that makes one span however many libraries are stacked in it
    (`http.client`). `versions` is the library's range, such as `"requests>=2.20,<3"`; empty means any.

    `args` are handed to `enter`; those in `replaces` are set to what it returns. `returns` lets `leave` replace the
    result; `leave` must then return one, the one it got if there is nothing to change. The target's own kind decides
    what that is: a coroutine's result is what `await` gives, a generator's what it returns in the end.

    For targets in C that tell no signature, `signature` holds the names of the positional parameters, in order, as
    `"topic, value, key"` (a method's without `self`, which is always `"self"`); what the caller left out is None for
    `enter`, and stays left out unless replaced by something else. With `subclass` the target's type, which can't be
    changed, is replaced by a subclass of the same name that has the woven method.
    """

    module: str
    target: str
    advice: str | Advice
    args: tuple[str, ...] = ()
    kind: Kind = "internal"
    scope: str = ""
    versions: str = ""
    replaces: tuple[str, ...] = ()
    returns: bool = False
    signature: str = ""
    subclass: bool = False

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
