"""`weftline-agent run` and `import weftline.agent.auto`, as users start them: processes of their own."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.launched import RUN, Start, get, programs, write
from support.otlp_sink import OtlpSink
from weftline.agent.__main__ import environment, main
from weftline.deploy.local.ports import free_port

pytestmark = pytest.mark.socket

FLASK = """
    import logging, sys
    from flask import Flask
    logging.basicConfig(level=logging.INFO)
    app = Flask("shop")

    @app.get("/order")
    def order():
        logging.getLogger("shop").info("an order")
        return "ok"

    if __name__ == "__main__":
        app.run(port=int(sys.argv[1]))
"""
FASTAPI = """
    import logging
    from fastapi import FastAPI
    logging.basicConfig(level=logging.INFO)
    app = FastAPI()

    @app.get("/order")
    async def order():
        logging.getLogger("shop").info("an order")
        return "ok"
"""


@pytest.fixture
def run(tmp_path: Path, sink: OtlpSink) -> Iterator[Start]:
    """Starts a command in a folder of its own; ends it if the test doesn't."""
    with programs(tmp_path, sink.url) as start:
        yield start


@pytest.mark.parametrize(
    "command",
    [
        ("python", "shopapp.py", "{port}"),
        ("flask", "--app", "shopapp", "run", "--port", "{port}"),
        ("uvicorn", "payapp:app", "--port", "{port}"),
        ("python", "-m", "uvicorn", "payapp:app", "--port", "{port}", "--workers", "2"),
    ],
    ids=["python", "flask", "uvicorn", "uvicorn-workers"],
)
def test_servers(run: Any, sink: OtlpSink, tmp_path: Path, command: tuple[str, ...]) -> None:
    write(tmp_path, "shopapp.py", FLASK)
    write(tmp_path, "payapp.py", FASTAPI)
    port = free_port()
    process = run(RUN, "run", *(part.format(port=port) for part in command))
    answer = get(f"http://127.0.0.1:{port}/order", process)
    process.send_signal(signal.SIGTERM)  # long before the delay is over: the end flushes
    process.wait(20)
    (span,) = sink.spans()
    assert (answer.status_code, span["name"], span["service"]) == (200, "GET /order", "shop")
    assert answer.headers["x-transaction-id"] == span["trace_id"]
    (log,) = sink.logs(logger="shop")
    assert (log["body"], log["span_id"]) == ("an order", span["span_id"])


def test_a_script_flushes_at_its_end(run: Any, sink: OtlpSink, tmp_path: Path) -> None:
    write(tmp_path, "script.py", "import logging; logging.warning('bye')")
    process = run(RUN, "run", "--", "python", "script.py", OTEL_BSP_SCHEDULE_DELAY="60000")
    assert process.wait(20) == 0
    assert [log["body"] for log in sink.logs()] == ["bye"]


def test_sigterm_without_a_handler_flushes_and_ends_as_ever(run: Any, sink: OtlpSink, tmp_path: Path) -> None:
    write(tmp_path, "script.py", "import logging, time; logging.warning('ready'); print('up'); time.sleep(60)")
    process = run(RUN, "run", "python", "script.py", OTEL_BSP_SCHEDULE_DELAY="60000")
    while "up" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    assert [log["body"] for log in sink.logs()] == ["ready"]


def test_a_programs_own_sigterm_handler_is_left_alone(run: Any, tmp_path: Path) -> None:
    source = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
        print("up")
        time.sleep(60)
    """
    write(tmp_path, "script.py", source)
    process = run(RUN, "run", "python", "script.py")
    while "up" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 5


def test_sigterm_flushes_also_when_a_program_puts_the_default_back(run: Any, sink: OtlpSink, tmp_path: Path) -> None:
    source = """
        import logging, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        assert signal.signal(signal.SIGTERM, signal.SIG_DFL) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
        logging.warning("ready")
        print("up")
        time.sleep(60)
    """
    write(tmp_path, "script.py", source)
    process = run(RUN, "run", "python", "script.py", OTEL_BSP_SCHEDULE_DELAY="60000")
    while "up" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    assert [log["body"] for log in sink.logs()] == ["ready"]


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "nonsense"])
def test_a_dead_collector_or_bad_settings_change_nothing(run: Any, tmp_path: Path, endpoint: str) -> None:
    write(tmp_path, "script.py", "import logging; logging.warning('bye'); print('result')")
    began = time.monotonic()
    process = run(
        RUN, "run", "python", "script.py",
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_TRACES_SAMPLER="odd", WEFTLINE_AGENT_EXIT_TIMEOUT="0.5",
    )  # fmt: skip
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "result" in out
    assert out.count("Settings that can't be used were left at their defaults.") == 1
    assert "OTEL_TRACES_SAMPLER='odd'" in out
    assert time.monotonic() - began < 10
    if endpoint != "nonsense":
        assert "Telemetry was lost. lost=1" in out


def test_disabled(run: Any, sink: OtlpSink, tmp_path: Path) -> None:
    write(
        tmp_path,
        "script.py",
        """
        import logging, sys
        logging.warning('bye')
        print(logging.Logger.callHandlers.__code__.co_consts, 'opentelemetry' in sys.modules)
        """,
    )
    process = run(RUN, "run", "python", "script.py", OTEL_SDK_DISABLED="true")
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "weftline" not in out
    assert sink.requests == []


def test_the_users_sitecustomize_runs_too(run: Any, tmp_path: Path) -> None:
    write(tmp_path, "theirs/sitecustomize.py", "import sys; sys.theirs = True")
    source = """
        import os, sys
        import sitecustomize
        print(sys.theirs, sitecustomize.__file__.count("theirs"), "weftline.agent.auto" in sys.modules)
        print(os.environ["PYTHONPATH"].split(os.pathsep)[1].count("theirs"))
    """
    write(tmp_path, "script.py", source)
    process = run(RUN, "run", "python", "script.py", PYTHONPATH=str(tmp_path / "theirs"))
    out, _ = process.communicate(timeout=20)
    assert out.split() == ["True", "1", "True", "1"]


def test_a_users_sitecustomize_that_fails_does_not_stop_us(run: Any, tmp_path: Path) -> None:
    write(tmp_path, "theirs/sitecustomize.py", "raise ValueError('theirs')")
    write(tmp_path, "script.py", "import sys; print('weftline.agent.auto' in sys.modules)")
    process = run(RUN, "run", "python", "script.py", PYTHONPATH=str(tmp_path / "theirs"))
    out, _ = process.communicate(timeout=20)
    assert out.splitlines()[-1] == "True"
    assert "theirs" in out


def test_child_processes_are_instrumented_too(run: Any, tmp_path: Path) -> None:
    source = """
        import subprocess, sys
        code = "import sys; print('weftline.agent.auto' in sys.modules)"
        print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
    """
    write(tmp_path, "script.py", source)
    out, _ = run(RUN, "run", "python", "script.py").communicate(timeout=20)
    assert out.split() == ["True"]


OTHERS = sorted(Path("/usr/bin").glob("python3.[0-9]*[0-9]")) + sorted(Path.home().glob(".pyenv/versions/*/bin/python"))


@pytest.mark.parametrize("python", OTHERS, ids=lambda path: path.parts[-3] + "-" + path.name)
def test_other_interpreters_are_left_alone(run: Any, tmp_path: Path, python: Path) -> None:
    write(tmp_path, "script.py", "import sys; print([m for m in sys.modules if 'weftline' in m or 'opentelem' in m])")
    process = run(RUN, "run", str(python), "script.py")
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "[]\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "no-such-command"), 127, "weftline-agent: no-such-command: command not found"),
        (("run", "./script.py"), 126, "weftline-agent: ./script.py: Permission denied"),
        (("run",), 2, "there is no command to run, such as: weftline-agent run python app.py"),
        ((), 2, "usage: weftline-agent"),
        (("run", "python", "-c", "import sys; sys.exit(3)"), 3, ""),
    ],
)
def test_exit_codes(run: Any, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    write(tmp_path, "script.py", "pass")
    process = run(RUN, *arguments)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, said in out) == (code, True)


def test_python_m_works_too() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run"])
    assert ended.value.code == 2


def test_environment_has_our_folder_once_and_no_empty_entry() -> None:
    once = environment({"PYTHONPATH": "/a"})
    twice = environment(once)
    assert once["PYTHONPATH"] == twice["PYTHONPATH"]
    first, second = once["PYTHONPATH"].split(os.pathsep)
    assert (Path(first).name, second) == ("bootstrap", "/a")
    assert os.pathsep not in environment({})["PYTHONPATH"]  # an empty entry would mean the working directory


def test_import_auto(run: Any, sink: OtlpSink, tmp_path: Path) -> None:
    source = """
        import requests            # imported before the agent: woven all the same
        from requests.adapters import HTTPAdapter
        import weftline.agent.auto
        import logging
        logging.warning("hello")
        assert HTTPAdapter.send.__code__.co_consts[-1] is not None
    """
    write(tmp_path, "script.py", source)
    process = run("python", "script.py")
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    assert [log["body"] for log in sink.logs()] == ["hello"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forked_workers_report_for_themselves(run: Any, sink: OtlpSink, tmp_path: Path) -> None:
    """As prefork servers do: the agent starts in the parent, requests are served in the children."""
    source = """
        import logging, os, sys
        import weftline.agent
        from flask import Flask
        app = Flask("shop")
        logging.getLogger().setLevel(logging.INFO)

        @app.get("/who")
        def who():
            logging.getLogger("shop").info("served by %d", os.getpid())
            return weftline.agent.transaction_id()

        logging.getLogger("shop").info("parent")
        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                ids = {app.test_client().get("/who").text for _ in range(5)}
                assert len(ids) == 5
                sys.exit(0)
            children.append(child)
        assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    """
    write(tmp_path, "script.py", source)
    process = run(RUN, "run", "python", "-W", "ignore", "script.py")
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0, out
    spans, logs = sink.spans(), sink.logs(logger="shop")
    assert len(spans) == len({span["trace_id"] for span in spans}) == 10
    assert len({span["resource"]["service.instance.id"] for span in spans}) == 2
    assert len(logs) == 11
    assert {log["span_id"] for log in logs} == {"", *(span["span_id"] for span in spans)}
