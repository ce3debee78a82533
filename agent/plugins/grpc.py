"""gRPC, synchronous: a client span per call, a server span per RPC served in the pool, streams included.

Python's side of gRPC is woven (`_channel.py`, `_server.py`), never its Cython. The transaction's headers travel as
metadata; servers answer with `x-transaction-id` in their initial metadata.
"""

import sys
from collections.abc import Iterable
from typing import Any, Final

from weftline.agent import call, context, foreign, http_attributes, semconv, serve
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.propagate import extract, transaction_id
from weftline.agent.record import ERROR, Span
from weftline.agent.weave import guard

SCOPE: Final = "rpc.client"
OK: Final = "OK"
SERVER_ERRORS: Final = frozenset(
    ("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS")
)
"""What is an error for the server too; the others are the caller's."""
_LIBRARY = "weftline.agent.grpc"
_VERSIONS = "grpcio>=1.50"
_METHOD, _REQUEST, _CODE = "_weftline_method", "_weftline_request", "_weftline_code"

Metadata = Iterable[tuple[str, str | bytes]] | None


def depart(library: str, method: bytes | str, target: bytes | str, metadata: Metadata) -> call.Call | None:
    """Lets a call leave; its token has the metadata to add."""
    carrier = {name.lower(): value for name, value in metadata or () if isinstance(value, str)}
    return call.depart(library, _describe_call, (method, target), carrier, SCOPE)


def _describe_call(called: tuple[bytes | str, bytes | str], attributes: dict[str, Any]) -> str:
    method, target = called
    name = describe_rpc(attributes, method)
    if target:
        address = _text(target).rpartition("/")[2].removeprefix("ipv4:").removeprefix("ipv6:").removeprefix("dns:")
        http_attributes.server(attributes, address, "")
    return name


def added(metadata: Metadata, token: call.Call | None) -> Metadata:
    """The metadata with ours behind it."""
    if token is None or not token.added:
        return metadata
    return (*(metadata or ()), *((name, token.headers[name]) for name in token.added))


def end(token: call.Call, code: str, exception: BaseException | None = None) -> None:
    """Ends a call with its status."""
    call.put_back(token)
    span = token.span
    if isinstance(span, Span):
        if exception is not None:
            span.record_exception(exception)
        span.set_attribute("rpc.response.status_code", code)
        if code != OK:
            span.set_attribute("error.type", code)
            span.status = ERROR
        span.end()


def finish(request: context.Transaction, code: str, exception: BaseException | None = None) -> None:
    """Ends an RPC served."""
    span = request.span
    if isinstance(span, Span):
        span.set_attribute("rpc.response.status_code", code)
        if code in SERVER_ERRORS:
            if "error.type" not in span.attributes:
                span.set_attribute("error.type", code)
            span.status = ERROR
    serve.finish(request, exception)


def describe_rpc(attributes: dict[str, Any], method: bytes | str) -> str:
    """Records system and method; returns the span's name."""
    name = _text(method).removeprefix("/")
    attributes["rpc.system.name"] = "grpc"
    attributes["rpc.method"] = name
    return name


def describe_peer(attributes: dict[str, Any], peer: str) -> None:
    """Records where an RPC came from; `peer` is gRPC's `ipv4:127.0.0.1:4711`."""
    kind, _, rest = peer.partition(":")
    if kind in ("ipv4", "ipv6"):
        attributes["client.address"] = rest.rpartition(":")[0].strip("[]").replace("%5B", "").replace("%5D", "")


def header(metadata: Any) -> Any:
    """Looks metadata up by name, a repeated one's values joined."""
    found: dict[str, str] = {}
    for name, value in metadata or ():
        if isinstance(value, str):
            found[name] = f"{found[name]},{value}" if name in found else value
    return found.get


def enter(self: Any, metadata: Metadata) -> tuple[Metadata, call.Call | None]:
    """A call of the client's begins."""
    if foreign.suppressed() or foreign.instruments("grpc", "GrpcInstrumentorClient"):
        return metadata, None
    target = getattr(self, "_target", None)  # since 1.62; before, the channel in Cython is asked
    token = depart(_LIBRARY, self._method, self._channel.target() if target is None else target, metadata)
    return added(metadata, token), token


def leave(token: call.Call | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """A call that blocked is answered."""
    if token is not None:
        end(token, OK)


def error(token: call.Call | None, exception: BaseException) -> None:
    """A call failed."""
    if token is not None:
        code = getattr(exception, "code", None)
        status = code() if callable(code) else None
        if status is None:
            end(token, "CANCELLED" if isinstance(exception, KeyboardInterrupt) else "UNKNOWN", exception)
        else:
            end(token, status.name, exception)


def started(token: call.Call | None, rendezvous: Any) -> None:
    """A future or a stream is under way: its span ends with it, the caller's is current again."""
    if token is None:
        return
    if token.span is not None and token.previous is not None:
        context.leave_if_current(token.span, token.previous)
    begun = token

    def completed() -> None:
        try:
            end(begun, rendezvous._state.code.name)  # noqa: SLF001 - code() would wait
        except Exception as failure:  # noqa: BLE001 - gRPC's thread must go on
            guard.contained(failure, f"{_LIBRARY} completed")

    if not rendezvous.add_callback(completed):
        completed()


def found(rpc_event: Any, state: Any, method_with_handler: Any) -> None:
    """A server looks for the method's handler: only here registered methods tell their names."""
    setattr(state, _METHOD, method_with_handler.name() or rpc_event.call_details.method)


def serving(rpc_event: Any, state: Any) -> tuple[context.Transaction, Any] | None:
    """An RPC is served in the pool, from reading its request to sending its last response."""
    if foreign.instruments("grpc", "GrpcInstrumentorServer"):
        return None
    incoming = extract(header(rpc_event.invocation_metadata))
    request = serve.begin(incoming, _LIBRARY, _describe, (rpc_event, state), _text(_method(rpc_event, state)))
    setattr(state, _REQUEST, request)
    return request, state


def served(token: tuple[context.Transaction, Any] | None, result: Any) -> None:  # noqa: ARG001 - advice gets the result
    """The RPC is answered, with a status or because its handler failed."""
    if token is not None:
        request, state = token
        finish(request, "CANCELLED" if state.client == "cancelled" else _status(state))


def unserved(token: tuple[context.Transaction, Any] | None, exception: BaseException) -> None:
    """The pool's thread itself failed."""
    if token is not None:
        finish(token[0], "UNKNOWN", exception)


def aborting(state: Any, code: Any) -> None:
    """An RPC ends with an error; inside gRPC's own handler of what the application raised, if it did."""
    if getattr(state, _REQUEST, None) is None:
        return
    if state.code is None:
        setattr(state, _CODE, int(code))
    exception = sys.exc_info()[1]
    if exception is not None and not state.aborted:
        serve.failed(exception)


def sending(metadata: Metadata) -> tuple[Metadata, None]:
    """A server sends its initial metadata: the transaction ID with it, unless the application has set one itself."""
    entered = context.transaction()
    pairs = tuple(metadata or ())
    if entered is None or any(name == semconv.TRANSACTION_ID for name, _ in pairs):
        return metadata, None
    return (*pairs, (semconv.TRANSACTION_ID, transaction_id.text(entered.trace_id))), None


def _describe(subject: tuple[Any, Any], attributes: dict[str, Any]) -> str:
    rpc_event, state = subject
    describe_peer(attributes, rpc_event.call.peer().decode())
    return describe_rpc(attributes, _method(rpc_event, state))


def _method(rpc_event: Any, state: Any) -> bytes | str:
    """The method served. gRPC before 1.64 has no registered methods, and no state where it looks for any."""
    found: bytes | str = getattr(state, _METHOD, None) or rpc_event.call_details.method
    return found


def _status(state: Any) -> str:
    import grpc

    code = state.code if state.code is not None else getattr(state, _CODE, 0)
    number = code.value[0] if isinstance(code, grpc.StatusCode) else int(code)
    return next((known.name for known in grpc.StatusCode if known.value[0] == number), "UNKNOWN")


def _text(text: bytes | str) -> str:
    return text.decode() if isinstance(text, bytes) else text


BLOCKING = Advice(enter, leave, error)
STARTING = Advice(enter, started, error)
FOUND = Advice(found)
SERVE = Advice(serving, served, unserved)
ABORT = Advice(aborting)
SEND = Advice(sending)


def _client(target: str, advice: str) -> Pointcut:
    return Pointcut(
        "grpc._channel", target, f"{__name__}:{advice}", ("self", "metadata"), "client", SCOPE, _VERSIONS, ("metadata",)
    )


def _server(target: str, advice: str, args: tuple[str, ...], kind: Any = "observe") -> Pointcut:
    replaces = args if advice == "SEND" else ()
    return Pointcut("grpc._server", target, f"{__name__}:{advice}", args, kind, "", _VERSIONS, replaces)


POINTCUTS = [
    _client("_UnaryUnaryMultiCallable.__call__", "BLOCKING"),
    _client("_UnaryUnaryMultiCallable.with_call", "BLOCKING"),
    _client("_UnaryUnaryMultiCallable.future", "STARTING"),
    _client("_StreamUnaryMultiCallable.__call__", "BLOCKING"),
    _client("_StreamUnaryMultiCallable.with_call", "BLOCKING"),
    _client("_StreamUnaryMultiCallable.future", "STARTING"),
    _client("_UnaryStreamMultiCallable.__call__", "STARTING"),
    _client("_SingleThreadedUnaryStreamMultiCallable.__call__", "STARTING"),
    _client("_StreamStreamMultiCallable.__call__", "STARTING"),
    _server("_find_method_handler", "FOUND", ("rpc_event", "state", "method_with_handler")),
    _server("_unary_response_in_pool", "SERVE", ("rpc_event", "state"), "server"),
    _server("_stream_response_in_pool", "SERVE", ("rpc_event", "state"), "server"),
    _server("_abort", "ABORT", ("state", "code")),
    _server("_get_initial_metadata_operation", "SEND", ("metadata",)),
]
