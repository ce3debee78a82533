"""The gate before every call: who asks, for which tenant; and the note of what was asked."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Final

import grpc
from google.protobuf.json_format import MessageToJson

from weftline.collector.access.gate import Access, peer_of
from weftline.collector.access.identity import Denied, Role
from weftline.collector.errors import AskOtherwise, TryLater
from weftline.collector.store.lookups import LookUp
from weftline.collector.store.tenants import Asker
from weftline.query.access.asking import CURRENT
from weftline.query.access.audit import Audit, now
from weftline.query.grpc.errors import Refused

logger = logging.getLogger(__name__)

LONGEST: Final = 2000
"""Characters of a request that are noted."""


class Guard:
    """Admits calls, and notes them when they have ended."""

    def __init__(self, access: Access, audit: Audit) -> None:
        self._access = access
        self._audit = audit

    @contextmanager
    def call(self, name: str, request: Any, context: grpc.ServicerContext) -> Iterator[Callable[..., Any]]:
        """Around one call; raises `Denied`. Gives what runs functions for the caller's tenant.

        A stream's parts may be asked for on several threads, so each of them is run by it.
        """
        peer, began = peer_of(context.peer()), now()
        asker, who, status = Asker(), "", "OK"
        try:
            identity = self._access.admit(context.invocation_metadata(), peer, Role.READ)
            who, asker.tenant = identity.name, identity.tenant
            answering = copy_context()
            answering.run(CURRENT.set, asker)
            yield answering.run
        except Denied as error:
            logger.warning("Turned a call away method=%s peer=%s: %s", name, peer, error)
            who, status = error.name, "PERMISSION_DENIED" if error.known else "UNAUTHENTICATED"
            raise
        except Exception as error:
            status = _status(error)
            raise
        except BaseException:  # the caller has hung up in the midst of a stream
            status = "CANCELLED"
            raise
        finally:
            asked = MessageToJson(request, indent=None) if request.ListFields() else ""
            lookup = LookUp(
                time=began[0],
                who=who,
                tenant=asker.tenant,
                peer=peer,
                forwarded_for="",
                protocol="grpc",
                method="",
                path=name,
                query=asked[:LONGEST],
                status=status,
                rows=asker.rows,
                duration=round((now()[1] - began[1]) * 1000, 3),
            )
            self._audit.note(lookup)


def _status(error: Exception) -> str:
    match error:
        case Refused():
            return str(error.code.name)
        case AskOtherwise():
            return "INVALID_ARGUMENT"
        case TryLater():
            return "UNAVAILABLE"
        case _:
            return "INTERNAL"
