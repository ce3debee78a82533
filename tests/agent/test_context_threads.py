"""The transaction goes along to threads, executors, timers and event loops, and is gone from them afterwards."""

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import context as otel
from opentelemetry import trace

from weftline.agent import carry, context, serve
from weftline.agent.propagate import Incoming
from weftline.agent.record import Identity, Span

pytestmark = pytest.mark.socket
TRACE = 0xABCDEF0123456789ABCDEF0123456789


@pytest.fixture(autouse=True)
def _agent(start_agent: Callable[..., None]) -> None:
    start_agent()


@pytest.fixture
def request_() -> Iterator[context.Transaction]:
    """A request being served while the test runs."""
    request = serve.begin(Incoming(TRACE, 7, 1, request_id="r-1"), "test", lambda _, __: "GET", None)
    yield request
    serve.finish(request)


def look() -> tuple[int, int] | None:
    ids = context.stamp()
    return None if ids is None else (ids.trace_id, ids.span_id)


def in_thread(function: Callable[[], Any], **named: Any) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(function()), **named)
    thread.start()
    thread.join()
    return found[0]


class TestThread:
    def test_it_runs_in_the_transaction(self, request_: context.Transaction) -> None:
        assert in_thread(look) == (TRACE, request_.span_id)
        entered = in_thread(context.transaction)
        assert (entered.request_id, entered.parent_id) == ("r-1", 7)

    def test_nothing_to_take_along(self) -> None:
        assert in_thread(look) is None
        assert in_thread(lambda: vars(threading.current_thread()).get("_weftline_context")) is None

    def test_a_subclass_with_its_own_run(self, request_: context.Transaction) -> None:
        class Mine(threading.Thread):
            def run(self) -> None:
                self.found = look()

        thread = Mine()
        thread.start()
        thread.join()
        assert thread.found == (TRACE, request_.span_id)
        assert not [name for name in vars(thread) if "weftline" in name]

    def test_a_timer(self, request_: context.Transaction) -> None:
        found: list[Any] = []
        timer = threading.Timer(0.01, lambda: found.append(look()))
        timer.start()
        timer.join()
        assert found == [(TRACE, request_.span_id)]

    def test_a_span_that_ended_is_stood_for_by_its_ids(self) -> None:
        request = serve.begin(Incoming(TRACE, 7, 1), "test", lambda _, __: "GET", None)
        go, found = threading.Event(), []

        def later() -> None:
            go.wait(5)
            found.append((look(), trace.get_current_span().is_recording()))

        thread = threading.Thread(target=later)
        thread.start()
        serve.finish(request)
        go.set()
        thread.join()
        assert found == [((TRACE, request.span_id), False)]
        captured = otel.Context({context.SPAN_KEY: request.span})
        stood = carry.ended_stood_for(captured)[context.SPAN_KEY]
        assert isinstance(stood, Identity)
        assert not isinstance(stood, Span)

    def test_one_a_library_starts_for_itself_is_left_out(self, request_: context.Transaction) -> None:
        def connection_pool() -> None:
            found.append(look())

        found: list[Any] = []
        connection_pool.__module__ = "pymongo.monitor"
        thread = threading.Thread(target=connection_pool)
        thread.start()
        thread.join()
        assert found == [None]

    def test_one_started_within_a_clients_call_is_left_out(self, request_: context.Transaction) -> None:
        span = Span("GET", 3, "test", {}, trace_id=TRACE, span_id=9)
        previous = context.enter(span)
        assert in_thread(look) is None
        context.leave(previous)

    def test_one_that_can_not_start_twice(self, request_: context.Transaction) -> None:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        with pytest.raises(RuntimeError, match="once"):
            thread.start()
        assert not [name for name in vars(thread) if "weftline" in name]


class TestExecutor:
    def test_submit_and_map(self, request_: context.Transaction) -> None:
        here = (TRACE, request_.span_id)
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            assert executor.submit(look).result() == here
            assert list(executor.map(lambda _: look(), range(5))) == [here] * 5

    def test_a_worker_forgets(self, request_: context.Transaction) -> None:
        with concurrent.futures.ThreadPoolExecutor(1) as executor:
            assert executor.submit(look).result() == (TRACE, request_.span_id)
            previous = otel.get_current()
            otel.attach(otel.Context())
            assert executor.submit(look).result() is None
            otel.attach(previous)

    def test_work_that_raises(self, request_: context.Transaction) -> None:
        def fails() -> None:
            raise KeyError(look())

        with concurrent.futures.ThreadPoolExecutor(1) as executor:
            with pytest.raises(KeyError) as raised:
                executor.submit(fails).result()
            assert raised.value.args == ((TRACE, request_.span_id),)

    def test_callbacks_in_the_worker(self, request_: context.Transaction) -> None:
        found: list[Any] = []
        with concurrent.futures.ThreadPoolExecutor(1) as executor:
            future = executor.submit(time.sleep, 0.05)
            future.add_done_callback(lambda _: found.append(look()))
        assert found == [(TRACE, request_.span_id)]

    def test_two_requests_at_once_do_not_mix(self) -> None:
        def serve_one(number: int) -> bool:
            request = serve.begin(Incoming(number + 1, 7, 1), "test", lambda _, __: "GET", None)
            found = [future.result() for future in [inner.submit(look) for _ in range(20)]]
            serve.finish(request)
            return found == [(number + 1, request.span_id)] * 20

        with concurrent.futures.ThreadPoolExecutor(4) as inner, concurrent.futures.ThreadPoolExecutor(4) as outer:
            assert all(outer.map(serve_one, range(40)))

    def test_the_function_is_the_one_submitted(self, request_: context.Transaction) -> None:
        with concurrent.futures.ThreadPoolExecutor(1) as executor:
            executor.submit(time.sleep, 0.1)
            executor.submit(look)
            assert executor._work_queue.get_nowait().fn is look


class TestAsyncio:
    def test_run_in_executor_and_to_thread(self, request_: context.Transaction) -> None:
        async def main() -> list[Any]:
            loop = asyncio.get_running_loop()
            return [await loop.run_in_executor(None, look), await asyncio.to_thread(look), look()]

        assert asyncio.run(main()) == [(TRACE, request_.span_id)] * 3

    def test_call_soon_threadsafe_and_coroutines_from_a_worker(self, request_: context.Transaction) -> None:
        async def coroutine() -> Any:
            return look()

        async def main() -> list[Any]:
            loop = asyncio.get_running_loop()
            called: asyncio.Future[Any] = loop.create_future()

            def work() -> Any:
                loop.call_soon_threadsafe(lambda: called.set_result(look()))
                return asyncio.run_coroutine_threadsafe(coroutine(), loop)

            future = await loop.run_in_executor(None, work)
            return [await called, await asyncio.wrap_future(future)]

        assert asyncio.run(main()) == [(TRACE, request_.span_id)] * 2


def test_stopping_the_agent_gives_threading_back() -> None:
    from weftline.agent import lifecycle

    woven = threading.Thread.start.__code__
    lifecycle.stop()
    assert threading.Thread.start.__code__ is not woven
    assert in_thread(look) is None
