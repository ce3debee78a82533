"""gRPC with asyncio: a client span per call, a server span per RPC, streams included.

The server is Cython; ours is the first of its interceptors, put in where a server is made. It answers with
`x-transaction-id` in the trailing metadata: asking for the initial one would send it too early.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from weftline.agent import call, context, foreign, semconv, serve
from weftline.agent.plugins import grpc as rpc
from weftline.agent.pointcut import Advice, Pointcut
from weftline.agent.propagate import extract
from weftline.agent.record import Span, exception_type
from weftline.agent.weave import guard

_LIBRARY = "weftline.agent.grpc_aio"
_VERSIONS = "grpcio>=1.50"
_TARGET = "_weftline_target"


def channel(self: Any, target: str) -> None:
    """A channel is made: only here its target is known to Python."""
    setattr(self, _TARGET, target)


def making(self: Any) -> str:
    """A channel makes what a method is called by; older versions' doesn't know the channel."""
    return getattr(self, _TARGET, "")


def made(target: str | None, callable_: Any) -> None:
    """It is there, and told where it calls."""
    setattr(callable_, _TARGET, target)


def enter(self: Any, metadata: rpc.Metadata) -> tuple[rpc.Metadata, call.Call | None]:
    """A call of the client's begins."""
    if foreign.suppressed() or foreign.instruments("grpc", "GrpcAioInstrumentorClient"):
        return metadata, None
    token = rpc.depart(_LIBRARY, self._method, getattr(self, _TARGET, ""), metadata)
    return rpc.added(metadata, token), token


def started(token: call.Call | None, begun: Any) -> None:
    """The call is under way: its span ends with it, the caller's is current again."""
    if token is None:
        return
    if token.span is not None and token.previous is not None:
        context.leave_if_current(token.span, token.previous)
    begun.add_done_callback(functools.partial(_done, token))


def _done(token: call.Call, finished: Any) -> None:
    try:
        rpc.end(token, _code(finished))
    except Exception as failure:  # noqa: BLE001 - the event loop must go on
        guard.contained(failure, f"{_LIBRARY} done")


def _code(finished: Any) -> str:
    asking = finished.code()
    try:
        asking.send(None)  # it is done, so the code is there without waiting
    except StopIteration as known:
        name: str = known.value.name
        return name
    asking.close()
    return "UNKNOWN"


def server(interceptors: Sequence[Any] | None) -> tuple[Sequence[Any] | None, None]:
    """A server is made."""
    if foreign.instruments("grpc", "GrpcAioInstrumentorServer"):
        return interceptors, None
    return (_interceptor(), *(interceptors or ())), None


@functools.cache
def _interceptor() -> Any:
    import grpc
    from grpc import aio

    class Interceptor(aio.ServerInterceptor):  # type: ignore[misc, unused-ignore]  # grpc has no types
        """Wraps each method's handler."""

        async def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            kind = f"{_ARITY[handler.request_streaming]}_{_ARITY[handler.response_streaming]}"
            wrapped = _wrap(getattr(handler, kind), handler_call_details)
            make = getattr(grpc, f"{kind}_rpc_method_handler")
            return make(wrapped, handler.request_deserializer, handler.response_serializer)

    return Interceptor()


_ARITY = {False: "unary", True: "stream"}


def _wrap(behavior: Callable[..., Any], details: Any) -> Callable[..., Any]:
    """The same function, inside a server span; of the same kind, since gRPC looks at that."""
    if inspect.isasyncgenfunction(behavior):

        @functools.wraps(behavior)
        async def generator(request: Any, servicer: Any) -> Any:
            begun = _begin(details, servicer)
            try:
                async for response in behavior(request, servicer):
                    yield response
            except BaseException as exception:
                _finish(begun, servicer, exception)
                raise
            _finish(begun, servicer, None)

        return generator
    if inspect.iscoroutinefunction(behavior):

        @functools.wraps(behavior)
        async def coroutine(request: Any, servicer: Any) -> Any:
            begun = _begin(details, servicer)
            try:
                response = await behavior(request, servicer)
            except BaseException as exception:
                _finish(begun, servicer, exception)
                raise
            _finish(begun, servicer, None)
            return response

        return coroutine
    if inspect.isgeneratorfunction(behavior):

        @functools.wraps(behavior)
        def stream(request: Any, servicer: Any) -> Any:
            begun = _begin(details, servicer)
            try:
                yield from behavior(request, servicer)
            except BaseException as exception:
                _finish(begun, servicer, exception)
                raise
            _finish(begun, servicer, None)

        return stream

    @functools.wraps(behavior)
    def function(request: Any, servicer: Any) -> Any:
        begun = _begin(details, servicer)
        try:
            response = behavior(request, servicer)
        except BaseException as exception:
            _finish(begun, servicer, exception)
            raise
        _finish(begun, servicer, None)
        return response

    return function


def _begin(details: Any, servicer: Any) -> context.Transaction | None:
    def describe(method: str, attributes: dict[str, Any]) -> str:
        rpc.describe_peer(attributes, servicer.peer())
        return rpc.describe_rpc(attributes, method)

    try:
        incoming = extract(rpc.header(details.invocation_metadata))
        return serve.begin(incoming, _LIBRARY, describe, details.method, details.method)
    except Exception as failure:  # noqa: BLE001 - the RPC must be served
        guard.contained(failure, f"{_LIBRARY} begin")
        return None


def _finish(begun: context.Transaction | None, servicer: Any, exception: BaseException | None) -> None:
    if begun is None:
        return
    try:
        code = _served(servicer)
        if isinstance(exception, (GeneratorExit, *_cancelled())):
            code = "CANCELLED"
        elif exception is not None and code == rpc.OK:
            code = "UNKNOWN"
            if isinstance(begun.span, Span):
                begun.span.record_exception(exception)
                begun.span.set_attribute("error.type", exception_type(exception))
        if exception is None or code == "UNKNOWN":
            pairs = tuple(servicer.trailing_metadata() or ())
            if not any(name == semconv.TRANSACTION_ID for name, _ in pairs):
                servicer.set_trailing_metadata((*pairs, (semconv.TRANSACTION_ID, serve.response_id(begun))))
        if exception is not None:
            context.mark(exception)
        rpc.finish(begun, code)
    except Exception as failure:  # noqa: BLE001 - the RPC must be served
        guard.contained(failure, f"{_LIBRARY} finish")


def _cancelled() -> tuple[type[BaseException], ...]:
    import asyncio

    return (asyncio.CancelledError,)


def _served(servicer: Any) -> str:
    import grpc

    code = servicer.code()
    if code is None:
        return rpc.OK
    number = code.value[0] if isinstance(code, grpc.StatusCode) else int(code)
    return next((known.name for known in grpc.StatusCode if known.value[0] == number), "UNKNOWN")


CHANNEL = Advice(channel)
MAKE = Advice(making, made)
CALL = Advice(enter, started, rpc.error)
SERVER = Advice(server)

POINTCUTS = [
    Pointcut(
        "grpc.aio._channel", "Channel.__init__", f"{__name__}:CHANNEL", ("self", "target"), "observe", "", _VERSIONS
    ),
    *(
        Pointcut("grpc.aio._channel", f"Channel.{kind}", f"{__name__}:MAKE", ("self",), "observe", "", _VERSIONS)
        for kind in ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
    ),
    *(
        Pointcut(
            module="grpc.aio._channel",
            target=f"{kind}MultiCallable.__call__",
            advice=f"{__name__}:CALL",
            args=("self", "metadata"),
            replaces=("metadata",),
            kind="client",
            scope=rpc.SCOPE,
            versions=_VERSIONS,
        )
        for kind in ("UnaryUnary", "UnaryStream", "StreamUnary", "StreamStream")
    ),
    Pointcut(
        module="grpc.aio._server",
        target="Server.__init__",
        advice=f"{__name__}:SERVER",
        args=("interceptors",),
        replaces=("interceptors",),
        kind="server",
        versions=_VERSIONS,
    ),
]
