"""The request that is being answered: who asks, for which tenant, and how many rows the store gave for it.

Set by the gate for each HTTP request and gRPC call, read by the store's connections: an answer without a gate before it
reads nothing.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from weftline.collector.store.tenants import Asker

CURRENT: Final[ContextVar[Asker]] = ContextVar("weftline_asker")
"""Threads that Starlette starts for a request have it, too."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person before a browser, who can sign out."""

    name: str
    """with the tenant, if there is one"""
    sign_out_url: str
    """the proxy's; '' for the sign-in form's cookie, which only we can take away"""


WITHDRAWN: Final[ContextVar[Callable[[], str]]] = ContextVar("weftline_withdrawn", default=lambda: "")
"""Decides again whether the request may be answered, for answers that go on: why no longer, or ''. It blocks."""
SIGNED_IN: Final[ContextVar[SignedIn | None]] = ContextVar("weftline_signed_in", default=None)


def current_asker() -> Asker:
    """Raises LookupError outside of a request."""
    return CURRENT.get()
