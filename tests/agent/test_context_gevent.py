"""gevent, in a process of its own since it patches the standard library: greenlets, pools, its thread pool, threads."""

from pathlib import Path

import pytest

from support.launched import RUN, programs, write
from support.otlp_sink import OtlpSink

pytestmark = pytest.mark.socket

SOURCE = """
    from gevent import monkey
    monkey.patch_all()
    import contextvars, logging, threading, time
    import gevent, gevent.pool, gevent.threadpool
    import weftline.agent
    from flask import Flask
    logging.getLogger().setLevel(logging.INFO)
    THEIRS = contextvars.ContextVar("THEIRS", default=None)
    look = weftline.agent.transaction_id
    app = Flask("shop")

    @app.get("/order")
    def order():
        here = look()
        THEIRS.set("not to be seen")
        group, pool, threads = gevent.pool.Group(), gevent.pool.Pool(2), gevent.threadpool.ThreadPool(2)
        later = gevent.spawn_later(0.01, look)
        found = [gevent.spawn(look).get(), later.get(), group.spawn(look).get(), pool.spawn(look).get(),
                 *pool.map(lambda _: look(), range(5)), *pool.imap_unordered(lambda _: look(), range(3)),
                 threads.spawn(look).get(), threads.apply(look), *threads.map(lambda _: look(), range(3))]
        assert found == [here] * len(found), found
        thread = threading.Thread(target=lambda: found.append(look()))
        thread.start()
        thread.join()
        assert found[-1] == here
        assert gevent.spawn(THEIRS.get).get() is None      # gevent's own rule is kept
        gevent.spawn(time.sleep, 0.01).join()
        logging.getLogger("shop").info("here")
        return here

    def ask(_):
        answer = app.test_client().get("/order")
        assert answer.status_code == 200
        return answer.text == answer.headers["x-transaction-id"]

    many = gevent.pool.Pool(10)
    assert all(many.map(ask, range(10)))
    assert gevent.spawn(look).get() is None
    print("done", gevent.spawn.__name__)

    # the export thread is a greenlet here: it may not hold up the others, and sends while the program runs
    began, turns = time.monotonic(), 0
    while time.monotonic() - began < 1:
        time.sleep(0.01)
        turns += 1
    print("turns", turns)
"""


def test_greenlets(sink: OtlpSink, tmp_path: Path) -> None:
    write(tmp_path, "program.py", SOURCE)
    with programs(tmp_path, sink.url) as run:
        process = run(RUN, "run", "python", "program.py", OTEL_BSP_SCHEDULE_DELAY="300", WEFTLINE_AGENT_STRICT="true")
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert "Warning" not in out
    assert "done spawn" in out
    assert int(out.partition("turns ")[2].split()[0]) > 50
    assert len(sink.spans()) == 10
    assert {log["trace_id"] for log in sink.logs(logger="shop")} == {span["trace_id"] for span in sink.spans()}
