"""Processes a program makes for itself: forked, spawned, pools of them; who sends what, and in which transaction."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.launched import RUN, Start, programs, write
from support.otlp_sink import OtlpSink

pytestmark = pytest.mark.socket

REQUEST = """
    import logging, os, sys
    import weftline.agent
    from flask import Flask
    logging.getLogger().setLevel(logging.INFO)
    LOGGER = logging.getLogger("shop")

    def say(text):
        LOGGER.info("%s %s", text, weftline.agent.transaction_id())
        return weftline.agent.transaction_id()

    def served(work):
        app = Flask("shop")
        app.add_url_rule("/order", "order", lambda: work() or "")
        response = app.test_client().get("/order")
        assert response.status_code == 200, response.text
        return response.headers["x-transaction-id"]
"""


@pytest.fixture
def run(tmp_path: Path, sink: OtlpSink) -> Iterator[Start]:
    with programs(tmp_path, sink.url) as start:
        yield start


def finished(run: Start, folder: Path, source: str, **environ: str) -> str:
    write(folder, "requests_.py", REQUEST)
    write(folder, "program.py", source)
    process = run(RUN, "run", "python", "-W", "ignore", "program.py", OTEL_BSP_SCHEDULE_DELAY="60000", **environ)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    return out


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_runs_in_the_transaction(run: Any, sink: OtlpSink, tmp_path: Path, method: str) -> None:
    source = f"""
        import multiprocessing
        from requests_ import *

        def work():
            child = multiprocessing.get_context("{method}").Process(target=say, args=("child",))
            child.start()
            child.join()
            assert child.exitcode == 0

        if __name__ == "__main__":
            print(served(work))
    """
    transaction = finished(run, tmp_path, source).split()[-1]
    (span,) = sink.spans()
    (log,) = sink.logs(logger="shop")
    assert log["body"] == f"child {transaction}"
    assert (log["trace_id"], log["span_id"]) == (span["trace_id"], span["span_id"]) == (transaction, span["span_id"])
    assert log["resource"]["service.instance.id"] != span["resource"]["service.instance.id"]


@pytest.mark.parametrize("sampler", ["always_on", "always_off"])
def test_sampled_out_or_not_a_child_says_the_same(run: Any, sink: OtlpSink, tmp_path: Path, sampler: str) -> None:
    source = """
        import multiprocessing
        from requests_ import *

        def work():
            say("parent")
            child = multiprocessing.get_context("spawn").Process(target=say, args=("child",))
            child.start()
            child.join()

        if __name__ == "__main__":
            print(served(work))
    """
    transaction = finished(run, tmp_path, source, OTEL_TRACES_SAMPLER=sampler).split()[-1]
    parent, child = sorted(sink.logs(logger="shop"), key=lambda log: log["body"], reverse=True)
    assert parent["trace_id"] == child["trace_id"] == transaction
    assert parent["span_id"] == child["span_id"]
    assert len(sink.spans()) == (sampler == "always_on")


def test_pools_take_it_with_each_task(run: Any, sink: OtlpSink, tmp_path: Path) -> None:
    source = """
        import concurrent.futures, multiprocessing
        from requests_ import *

        def number(n):
            return weftline.agent.transaction_id()

        if __name__ == "__main__":
            spawn = multiprocessing.get_context("spawn")
            made = []
            def work():  # the pools' processes are started in the first request and serve all
                if not made:
                    made.append(spawn.Pool(1))
                    made.append(concurrent.futures.ProcessPoolExecutor(1, spawn))
                pool, executor = made
                mine = weftline.agent.transaction_id()
                assert pool.map(number, range(3)) == [mine] * 3
                assert pool.apply(number, (1,)) == mine
                assert pool.starmap(number, [(1,), (2,)]) == [mine] * 2
                assert executor.submit(number, 1).result() == mine
                assert list(executor.map(number, range(3))) == [mine] * 3
            print(served(work) != served(work))
            assert made[0].apply(number, (1,)) is None
            assert made[1].submit(number, 1).result() is None
            made[0].close(), made[0].join(), made[1].shutdown()
    """
    assert finished(run, tmp_path, source).split()[-1] == "True"


def test_an_error_in_a_child_is_the_programs_own(run: Any, sink: OtlpSink, tmp_path: Path) -> None:
    source = """
        import multiprocessing
        from requests_ import *

        def fails():
            say("child")
            raise KeyError("k")

        def work():
            child = multiprocessing.get_context("fork").Process(target=fails)
            child.start()
            child.join()
            assert child.exitcode == 1

        served(work)
    """
    out = finished(run, tmp_path, source)
    assert "KeyError: 'k'" in out
    assert len(sink.logs(logger="shop")) == 1


def test_a_forked_child_has_the_ids_but_not_the_span(run: Any, sink: OtlpSink, tmp_path: Path) -> None:
    """A child that returns from the request's code, as one made by a bare `os.fork` may, must not send its span."""
    source = """
        from requests_ import *
        from opentelemetry import trace
        me = os.getpid()

        def work():
            child = os.fork()
            if child == 0:
                say("child")
                assert not trace.get_current_span().is_recording()
            else:
                assert os.waitpid(child, 0)[1] == 0
                say("parent")

        print(served(work))
        if os.getpid() != me:
            weftline.agent.stop()
            os._exit(0)
    """
    transaction = finished(run, tmp_path, source).split()[-1]
    (span,) = sink.spans()
    child, parent = sorted(sink.logs(logger="shop"), key=lambda log: log["body"])
    assert (span["trace_id"], child["trace_id"], parent["trace_id"]) == (transaction,) * 3
    assert child["span_id"] == parent["span_id"] == span["span_id"]


def test_a_child_ends_within_the_exit_timeout(run: Any, tmp_path: Path) -> None:
    source = """
        import multiprocessing, time
        from requests_ import *

        if __name__ == "__main__":
            child = multiprocessing.get_context("spawn").Process(target=say, args=("child",))
            child.start()
            child.join()
            print(child.exitcode)
    """
    out = finished(
        run, tmp_path, source, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", WEFTLINE_AGENT_EXIT_TIMEOUT="0.3"
    )
    assert "\n0\n" in f"\n{out}\n"
