"""WSGI servers in C, which have no cut of ours: real uWSGI and mod_wsgi under `weftline-agent run`. A worker of uWSGI's
that is told to end while it is still busy with its last request runs no exit handlers, so what is sent is waited for.

Apache refuses to serve as root: there it runs in a user namespace of its own, where it isn't.
"""

import concurrent.futures
import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.otlp_sink import OtlpSink
from support.programs import Programs
from weftline.deploy.local.cache import cache_folder

pytestmark = pytest.mark.socket
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
UWSGI = ("uwsgi", "--http-socket", "127.0.0.1:{port}", "--enable-threads", "--die-on-term", "--need-app", "--wsgi")
MOD_WSGI = "6.1.1"
SERVERS = ("uwsgi", "uwsgi-prefork", "mod_wsgi")


@pytest.fixture(scope="session")
def built() -> Path:
    """Where mod_wsgi is, built once against the machine's Apache. Skips where there is none, fails in CI."""
    for program in ("apxs", "apache2"):
        if shutil.which(program) is None:
            if os.environ.get("CI"):
                pytest.fail(f"Apache's {program} is not installed.")
            pytest.skip(f"Apache's {program} is not installed (Debian: apt-get install apache2-dev apache2-bin).")
    cache = cache_folder()
    there = cache / f"mod_wsgi-{MOD_WSGI}-{sys.implementation.cache_tag}"
    if not (there / "complete").exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--upgrade", "--target", there]
        subprocess.run([*pip, f"mod_wsgi=={MOD_WSGI}"], check=True)
        (there / "complete").touch()
    return there


def serve(programs: Programs, server: str, application: str, request: pytest.FixtureRequest) -> str:
    """Starts a server with an application; its URL."""
    options = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
    if server != "mod_wsgi":
        workers = ("--master", "--processes", "2") if server == "uwsgi-prefork" else ()
        return programs.serve(*UWSGI, application, *workers, **options)
    there: Path = request.getfixturevalue("built")
    module, name = application.split(":")
    (programs.folder / "site.wsgi").write_text(f"from {module} import {name} as application\n")
    unprivileged = () if os.geteuid() else ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    path = (str(Path(__file__).parents[2]), str(programs.folder), str(there))
    # By this interpreter: the script's first line names the one that built it, which may be gone.
    return programs.serve(
        *unprivileged, sys.executable, str(there / "bin" / "mod_wsgi-express"), "start-server", "site.wsgi",
        "--host", "127.0.0.1", "--port", "{port}", "--server-root", str(programs.folder / "apache"),
        "--log-to-terminal", "--locale", "C.UTF-8", "--processes", "1",
        *(part for folder in path for part in ("--python-path", folder)),
        PYTHONPATH=os.pathsep.join(path), **options,
    )  # fmt: skip


def ask(programs: Programs, url: str) -> httpx.Response | None:
    """None where the server breaks the connection off, as it may when a body breaks."""
    with contextlib.suppress(httpx.RemoteProtocolError):
        return programs.get(url, traceparent=f"00-{TRACE}-{SPAN}-01")
    return None


@pytest.mark.parametrize("server", SERVERS)
def test_bodies_made_while_they_are_sent(
    sink: OtlpSink, tmp_path: Path, request: pytest.FixtureRequest, server: str
) -> None:
    with Programs(tmp_path, sink) as programs:
        url = serve(programs, server, "support.plain_apps:flask_app", request)
        answers = {path: ask(programs, url + path) for path in ("/orders/7", "/stream", "/closes", "/breaks", "/file")}
        sink.wait(lambda s: len(s.spans()) == len(answers) and len(s.logs(logger="shop")) == 4)
    spans: dict[str, Any] = {span["attributes"]["url.path"]: span for span in sink.spans(kind="SERVER")}
    assert len(sink.spans()) == len(spans) == len(answers)
    order, stream, closes, broken, file = (answers[path] for path in answers)
    for answer in (order, stream, closes, file):
        assert answer is not None
    assert order.json() == {"transaction": TRACE}
    assert order.headers.get_list("x-transaction-id") == stream.headers.get_list("x-transaction-id") == [TRACE]
    assert stream.text == closes.text == TRACE
    assert broken is None or (broken.status_code, broken.text) == (200, "a")
    assert file.text == (Path(__file__).parents[2] / "support" / "plain_apps.py").read_text()
    assert {span["trace_id"] for span in spans.values()} == {TRACE}
    assert len({span["span_id"] for span in spans.values()}) == len(spans)
    lines = {(log["body"], log["span_id"]) for log in sink.logs(logger="shop")}
    assert lines == {
        ("order 7", spans["/orders/7"]["span_id"]),
        ("streaming", spans["/stream"]["span_id"]),
        ("streaming", spans["/closes"]["span_id"]),
        (f"closed in {TRACE}", spans["/closes"]["span_id"]),
    }
    assert spans["/breaks"]["status"] == 2
    assert [event["exception.type"] for event in spans["/breaks"]["events"]] == ["LookupError"]
    assert {spans[path]["status"] for path in answers if path != "/breaks"} == {0}


@pytest.mark.parametrize("server", SERVERS)
def test_djangos(sink: OtlpSink, tmp_path: Path, request: pytest.FixtureRequest, server: str) -> None:
    with Programs(tmp_path, sink) as programs:
        url = serve(programs, server, "support.django_shop:application", request)
        answers = [programs.get(url + path) for path in ("/orders/7/", "/stream/")]
        first, second = sorted(sink.wait(lambda s: len(s.spans()) == 2 and s.spans()), key=lambda span: span["start"])
    assert answers[1].text == second["trace_id"] == answers[1].headers["x-transaction-id"]
    assert answers[0].headers["x-transaction-id"] == first["trace_id"]


def test_workers_that_python_is_not_told_of(sink: OtlpSink, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """uWSGI forks by itself: each worker has its own ids and its own export thread all the same."""
    (tmp_path / "shop.py").write_text(
        "import os, time\n"
        "from support.plain_apps import LOG, flask_app\n"
        "import threading\n"
        "LOG.info('loaded')\n"  # the master starts no thread: a child of its would wait for what that one holds
        "time.sleep(0.1)\n"
        "assert [thread.name for thread in threading.enumerate()] == ['MainThread'], threading.enumerate()\n"
        "@flask_app.get('/worker')\n"
        "def worker():\n"
        "    time.sleep(0.05)\n"
        "    LOG.info('served')\n"
        "    return str(os.getpid())\n"
    )
    with Programs(tmp_path, sink) as programs:
        url = serve(programs, "uwsgi-prefork", "shop:flask_app", request)
        with concurrent.futures.ThreadPoolExecutor(4) as clients:
            answers = list(clients.map(lambda _: programs.get(f"{url}/worker"), range(24)))
        sink.wait(lambda s: len(s.spans()) == 24 and len(s.logs(logger="shop", body="served")) == 24)
    assert {answer.status_code for answer in answers} == {200}
    workers = {answer.headers["x-transaction-id"]: int(answer.text) for answer in answers}
    assert len(set(workers.values())) == 2
    assert len(workers) == len(answers)  # no two have one ID
    assert len(sink.logs(logger="shop", body="loaded")) == 1, "sent by one worker"
    spans, logs = sink.spans(kind="SERVER"), sink.logs(logger="shop", body="served")
    assert {span["trace_id"]: span["resource"]["process.pid"] for span in spans} == workers
    assert {log["trace_id"]: log["resource"]["process.pid"] for log in logs} == workers
    assert len({span["span_id"] for span in spans}) == len(answers)
    assert len({span["resource"]["service.instance.id"] for span in spans}) == 2
    assert len(sink.logs(logger="shop", body="loaded")) <= 1
