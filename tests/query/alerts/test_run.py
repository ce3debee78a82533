"""Alerts against real HTTP receivers, and the whole command against a real query service."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.rows import TRANSACTION, RowsReader, RowsSearcher, access, events_of
from support.server import serve
from weftline.collector.errors import Misconfigured
from weftline.query.alerts.rules import Rule, parse
from weftline.query.alerts.run import Runner, SourceAway, owned
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.socket


@dataclass
class Received:
    """A receiver: what it was sent, and the statuses it answers with (200 when they are used up)."""

    url: str = ""
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def wait(self, number: int, seconds: float = 20) -> list[tuple[str, dict[str, str], Any]]:
        until = time.monotonic() + seconds
        while len(self.requests) < number and time.monotonic() < until:
            time.sleep(0.02)
        assert len(self.requests) >= number
        return self.requests


@pytest.fixture
def receiver() -> Iterator[Received]:
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = received.answers.pop(0) if received.answers else 200
            received.requests.append(
                (self.path, {name.lower(): it for name, it in self.headers.items()}, json.loads(body))
            )
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield received
    server.shutdown()
    server.server_close()
    thread.join(10)


class Counts:
    """What is counted, by hand; ``away`` as the query service may be."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {}
        self.away = False

    def counts(self, rule: Rule) -> dict[str, int]:
        if self.away:
            raise SourceAway("nobody answers")
        return self.now

    def newest(self, rule: Rule, service: str) -> dict[str, Any] | None:
        return {"proxy": f"{service}'s outbound proxy", "text": "was slow", "transaction_id": TRANSACTION}


@pytest.fixture
def make(receiver: Received, tmp_path: Path) -> Callable[..., tuple[Runner, Counts, list[int]]]:
    def make(kind: str = "webhook") -> tuple[Runner, Counts, list[int]]:
        rules = parse(
            f"receivers: [{{name: r, {kind}: '{receiver.url}/in', headers: {{x-key: k}}}}]\n"
            "rules: [{name: Slow, kind: timeout, threshold: 2, window: 1m}]",
            {},
        )
        counts, clock = Counts(), [1_795_000_000 * 10**9]
        return Runner(rules, counts, tmp_path / "alerts.json", interval=15, clock=lambda: clock[0]), counts, clock

    return make


def test_a_webhook_gets_alertmanagers_body(make: Any, receiver: Received) -> None:
    runner, counts, clock = make()
    runner.step()
    assert receiver.requests == []
    counts.now = {"cart": 2}
    clock[0] += 15 * 10**9
    runner.step()
    runner.step()
    [(path, headers, body)] = receiver.requests
    assert (path, headers["content-type"], headers["x-key"]) == ("/in", "application/json", "k")
    [alert] = body.pop("alerts")
    assert body == {
        "version": "4", "groupKey": '{}:{receiver="r"}', "truncatedAlerts": 0, "status": "firing", "receiver": "r",
        "groupLabels": {}, "commonLabels": {"alertname": "Slow", "service": "cart"}, "commonAnnotations": {}, "externalURL": "",
    }  # fmt: skip
    assert alert.pop("fingerprint")
    assert alert == {
        "status": "firing", "labels": {"alertname": "Slow", "service": "cart"}, "generatorURL": "",
        "annotations": {
            "summary": "2 timeout events of cart in 1m (threshold 2)", "event": "cart's outbound proxy: was slow",
            "transaction_id": TRANSACTION,
        },
        "startsAt": "2026-11-18T11:06:55.000Z", "endsAt": "0001-01-01T00:00:00Z",
    }  # fmt: skip
    counts.now = {"cart": 1}
    clock[0] += 15 * 10**9
    runner.step()
    _, _, body = receiver.requests[1]
    assert (body["status"], body["alerts"][0]["status"]) == ("resolved", "resolved")
    assert body["alerts"][0]["endsAt"] == "2026-11-18T11:07:10.000Z"


def test_alertmanager_gets_its_api_and_is_told_again(make: Any, receiver: Received) -> None:
    runner, counts, clock = make("alertmanager")
    counts.now = {"cart": 2}
    for _ in range(9):
        runner.step()
        clock[0] += 15 * 10**9
    assert [path for path, _, _ in receiver.requests] == ["/in/api/v2/alerts"] * 3, "at 0, 60 and 120 s"
    [alert] = receiver.requests[0][2]
    assert alert["labels"] == {"alertname": "Slow", "service": "cart"}
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-11-18T11:06:40.000Z", "2026-11-18T11:10:40.000Z")


def test_it_is_tried_again_until_it_is_taken(make: Any, receiver: Received) -> None:
    runner, counts, clock = make()
    receiver.answers = [500, 503, 429, 200]
    counts.now = {"cart": 2}
    for _ in range(12):
        runner.step()
        clock[0] += 10**9
    assert len(receiver.requests) == 4
    assert len({json.dumps(body) for _, _, body in receiver.requests}) == 1


@pytest.mark.parametrize("status", [400, 404, 302])
def test_what_is_refused_is_given_up_and_said(
    make: Any, receiver: Received, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    runner, counts, clock = make()
    receiver.answers = [status]
    counts.now = {"cart": 2}
    for _ in range(3):
        runner.step()
        clock[0] += 10 * 10**9
    assert len(receiver.requests) == 1
    [record] = [it for it in caplog.records if it.levelname == "ERROR"]
    assert f"it answered {status}" in record.getMessage()


def test_while_nothing_can_be_counted_nothing_resolves(make: Any, receiver: Received, caplog: Any) -> None:
    runner, counts, clock = make()
    counts.now = {"cart": 2}
    runner.step()
    counts.away = True
    for _ in range(4):
        clock[0] += 15 * 10**9
        runner.step()
    assert len(receiver.requests) == 1
    assert len([it for it in caplog.records if it.levelname == "WARNING"]) == 1, "said once"


def test_a_restart_tells_nothing_anew(make: Any, receiver: Received) -> None:
    runner, counts, _ = make()
    counts.now = {"cart": 2}
    runner.step()
    again, counts, clock = make()
    counts.now = {"cart": 3}
    clock[0] += 60 * 10**9
    again.step()
    assert len(receiver.requests) == 1
    counts.now = {}
    clock[0] += 15 * 10**9
    again.step()
    assert [body["status"] for _, _, body in receiver.requests] == ["firing", "resolved"]


def test_a_broken_state_stops_the_start(make: Any, tmp_path: Path) -> None:
    (tmp_path / "alerts.json").write_text("{")
    with pytest.raises(Misconfigured, match=r"alerts\.json can't be read"):
        make()


def test_two_do_not_share_a_state(tmp_path: Path) -> None:
    with (
        owned(tmp_path / "alerts.json"),
        pytest.raises(Misconfigured, match="Another"),
        owned(tmp_path / "alerts.json"),
    ):
        pass


def weftline(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from weftline.query.cli import main; main()", "alerts", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "TOKEN": "t"}, **options,
    )  # fmt: skip


def test_the_command_fires_and_ends_in_order(receiver: Received, tmp_path: Path) -> None:
    row = access("sidecar-outbound", "o", "x", "o1", took=5, code=504, flags="UT", cluster="payment")
    reader = RowsReader([row])
    reader.mesh_events = events_of(row)
    file = tmp_path / "rules.yaml"
    file.write_text(
        f"receivers: [{{name: r, webhook: '{receiver.url}/${{TOKEN}}'}}]\n"
        "rules: [{name: Slow, kind: timeout, threshold: 1, window: 1m, labels: {severity: page}}]\n"
    )
    with serve(create_app(reader, RowsSearcher(), QuerySettings())) as url:
        arguments = (
            "run",
            "--rules",
            str(file),
            "--state",
            str(tmp_path / "s.json"),
            "--url",
            url,
            "--interval",
            "0.2",
        )
        process = weftline(*arguments)
        try:
            receiver.wait(1)
            reader.mesh_events = []
            (path, _, fired), (_, _, resolved) = receiver.wait(2)
        finally:
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=20)
    assert (process.returncode, path) == (0, "/t"), err
    [alert] = fired["alerts"]
    assert alert["labels"] == {"alertname": "Slow", "service": "cart", "severity": "page"}
    assert alert["annotations"]["event"] == "cart's outbound proxy: payment was too slow: request timed out"
    assert alert["annotations"]["transaction_id"] == TRANSACTION
    assert resolved["status"] == "resolved"
    assert "An alert fires rule=Slow service=cart." in err


def test_check_names_line_and_mistake(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(
        "receivers: [{name: r, webhook: 'http://h'}]\nrules:\n  - {name: A, kind: x, threshold: 1, window: 1m}\n"
    )
    process = weftline("check", str(file))
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.startswith(f"{file}:3: `x` is no kind of event; there are ")
    file.write_text(file.read_text().replace("kind: x", "kind: retry"))
    process = weftline("check", str(file))
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, f"{file}: 1 rules, 1 receivers.\n")
