"""The main job on real parts: every demo kind, direct and through Kafka, looked up by every way in, also after a restart.

One real stack a bus: ClickHouse, Kafka, edge, ingest, query, two services under the agent, three Envoys.
"""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from weftline.deploy.demo.drive import Driver, Sent, wait_until_complete
from weftline.deploy.demo.kinds import KINDS, NO_ROUTE, RETRY, SAMPLED_OUT, SUCCESS, TIMEOUT, UPSTREAM_DOWN, Kind
from weftline.deploy.demo.shop import shop
from weftline.deploy.local.kafka import fetch_jars
from weftline.deploy.local.ports import free_port
from weftline.deploy.local.stack import OWN_KAFKA, Options, Stack

pytestmark = [pytest.mark.e2e, pytest.mark.clickhouse, pytest.mark.envoy, pytest.mark.timeout(600)]


@dataclass
class Running:
    stack: Stack
    folder: Path
    sent: Mapping[str, Sent]
    answers: Mapping[str, dict[str, Any]]
    stacks: list[Stack]

    def get(self, path: str) -> tuple[int, Any]:
        return get(self.stack.query_url + path)


def get(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.fixture(scope="module", params=["direct", pytest.param("kafka", marks=pytest.mark.kafka)])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """All seven kinds sent, each complete: exactly the rows of `deploy/demo/kinds.py`, or this fails."""
    if request.param == "kafka":
        try:
            fetch_jars()
        except Exception as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(error))
    folder = tmp_path_factory.mktemp(request.param)
    options = Options(
        folder / "data",
        OWN_KAFKA if request.param == "kafka" else None,
        http_port=free_port(),
        grpc_port=free_port(),
        query_port=free_port(),
    )
    stack = Stack(options, lambda *_: None)
    stacks = [stack]
    try:
        stack.start()
        ports, processes = shop(folder / "shop", http_port=stack.http_port, grpc_port=stack.grpc_port)
        for process in processes:
            stack.supervisor.start(process)
        driver = Driver(ports.edge)
        try:
            sent = {one.kind.name: one for one in driver.send_all(lambda _: None)}
        finally:
            driver.close()
        answers = {name: wait_until_complete(one, stack.query_url) for name, one in sent.items()}
        yield Running(stack, folder, sent, answers, stacks)
    finally:
        for one in stacks:
            one.stop()


def ids(kind: Kind) -> str:
    return kind.name.replace(" ", "-")


@pytest.mark.parametrize("kind", KINDS, ids=ids)
def test_every_row_has_the_id_of_the_response_header(running: Running, kind: Kind) -> None:
    answer = running.answers[kind.name]
    transaction_id = running.sent[kind.name].transaction_id
    assert re.fullmatch("[0-9a-f]{32}", transaction_id)
    assert answer["transaction_id"] == transaction_id
    assert {entry["transaction_id"] for entry in answer["entries"]} == {transaction_id}
    assert len(answer["entries"]) == kind.rows
    assert answer["truncated"] is False


@pytest.mark.parametrize("kind", KINDS, ids=ids)
def test_rows_come_in_causal_order(running: Running, kind: Kind) -> None:
    """Every row after the one that caused it, all in one tree, every cause known by ids where ids say it."""
    entries = running.answers[kind.name]["entries"]
    for index, entry in enumerate(entries):
        assert (entry["parent"] is None) == (index == 0), f"{kind.name}: row {index} stands alone"
        if entry["parent"] is not None:
            assert entry["parent"] < index
            assert entry["depth"] == entries[entry["parent"]]["depth"] + 1
    inferred = [entry for entry in entries if entry["parent_by"] == "inferred"]
    assert inferred == [] or kind is SAMPLED_OUT


@pytest.mark.parametrize("kind", KINDS, ids=ids)
def test_access_logs_and_lines_stand_in_the_order_of_the_story(running: Running, kind: Kind) -> None:
    entries = running.answers[kind.name]["entries"]
    logs = [(e["service"], e["proxy_role"], e["response_code"]) for e in entries if e["kind"] == "access_log"]
    assert logs == [(log.service, log.role, log.code) for log in kind.access_logs]
    lines = [(e["service"], e["body"]) for e in entries if e["kind"] == "log"]
    expected = [(line.service, line.body.format(order=running.sent[kind.name].order)) for line in kind.log_lines]
    assert [
        (service, body[: len(text)]) for (service, body), (_, text) in zip(lines, expected, strict=True)
    ] == expected


@pytest.mark.parametrize("kind", KINDS, ids=ids)
def test_proxies_are_found_below_what_called_them(running: Running, kind: Kind) -> None:
    """Each access log's nearest access log above it is the previous hop's, in the topology's order."""
    above = {
        ("cart", "sidecar-inbound"): ("edge", "edge"),
        ("cart", "sidecar-outbound"): ("cart", "sidecar-inbound"),
        ("payment", "sidecar-inbound"): ("cart", "sidecar-outbound"),
        ("payment", "sidecar-outbound"): ("payment", "sidecar-inbound"),
    }
    entries = running.answers[kind.name]["entries"]
    hops = {(e["service"], e["proxy_role"]): e for e in entries if e["kind"] == "access_log"}
    for entry in entries:
        if entry["kind"] == "access_log" and (hop := above.get((entry["service"], entry["proxy_role"]))):
            caller = hops[hop]
            if caller["upstream_attempts"] == 1:
                assert entry["parent_span_id"] == caller["upstream_span_id"] or "outbound" in entry["proxy_role"]


def test_a_sampled_out_request_has_no_span_and_its_lines_have_the_id(running: Running) -> None:
    answer = running.answers[SAMPLED_OUT.name]
    assert answer["summary"]["sampled"] is False
    assert {entry["kind"] for entry in answer["entries"]} == {"access_log", "attempt", "log"}


def test_the_summary_says_what_happened(running: Running) -> None:
    said = {name: answer["summary"] for name, answer in running.answers.items()}
    for kind in KINDS:
        assert said[kind.name]["response_code"] == kind.status
        assert said[kind.name]["access_logs"] == len(kind.access_logs)
        assert said[kind.name]["spans"] == len(kind.spans)
        assert said[kind.name]["logs"] == len(kind.log_lines)
        verdict = (said[kind.name]["verdict"] or {"text": ""})["text"]
        # On a busy machine any of them may be slow besides.
        assert verdict == kind.verdict or (kind.verdict == "" and verdict.startswith("slow, "))
    assert said[SUCCESS.name]["services"] == ["edge", "cart", "payment"]
    assert said[SUCCESS.name]["errors"] == 0 == said[SAMPLED_OUT.name]["errors"]
    assert said[NO_ROUTE.name]["response_flags"] == "NR"
    for failed in (UPSTREAM_DOWN, TIMEOUT):
        assert said[failed.name]["errors"] > 0


@pytest.mark.parametrize("kind", KINDS, ids=ids)
def test_the_x_request_id_finds_it_too(running: Running, kind: Kind) -> None:
    answer = running.answers[kind.name]
    logs = [entry for entry in answer["entries"] if entry["kind"] == "access_log"]
    [request_id] = {entry["request_id"] for entry in logs}
    status, found = running.get(f"/api/v1/transactions/{request_id}")
    assert status == 200
    assert (found["transaction_id"], found["matched_alias"]) == (answer["transaction_id"], request_id)
    # Envoys that pack their sampling decision into it rewrite the character at index 14.
    status, found = running.get(f"/api/v1/transactions/{request_id[:14]}9{request_id[15:]}")
    assert (status, found["transaction_id"]) == (200, answer["transaction_id"])


def test_unknown_and_malformed_ids_get_a_sentence(running: Running) -> None:
    for path, status in (
        (f"/{'1' * 32}", 404),
        ("/no-such-order", 404),
        (f"/{'0' * 32}", 400),
        ("/%20", 400),
        (f"/{'a' * 33}", 400),
    ):
        got, answer = running.get(f"/api/v1/transactions{path}")
        assert got == status, path
        assert answer["error"]["code"] == status
        assert len(answer["error"]["message"]) > 20


def test_jaeger_gets_the_spans(running: Running) -> None:
    status, services = running.get("/api/services")
    assert (status, services["data"]) == (200, ["cart", "edge", "payment"])
    status, traces = running.get(f"/api/traces/{running.sent[RETRY.name].transaction_id}")
    assert status == 200
    [trace] = traces["data"]
    assert len(trace["spans"]) == len(RETRY.spans)
    parents = {span["spanID"] for span in trace["spans"]}
    roots = [span for span in trace["spans"] if not any(it["spanID"] in parents for it in span["references"])]
    assert len(roots) == 1, "one tree"
    status, missing = running.get(f"/api/traces/{'1' * 32}")
    assert (status, missing["errors"][0]["msg"]) == (404, "trace not found")


def test_the_command_prints_the_timeline(running: Running) -> None:
    sent = running.sent[UPSTREAM_DOWN.name]
    done = tx(running, sent.transaction_id)
    assert done.returncode == 0, done.stderr
    assert "503 UF" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout, "no colour into a pipe"
    shown = tx(running, sent.transaction_id, "--json")
    assert len(json.loads(shown.stdout)["entries"]) == UPSTREAM_DOWN.rows
    assert tx(running, "1" * 32).returncode == 1
    assert tx(running, "0" * 32).returncode == 2


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.status >= 500], ids=ids)
def test_the_command_says_first_who_failed_and_why(running: Running, kind: Kind) -> None:
    """Asked with what an Envoy's log line or a client's answer has: the x-request-id of a 503."""
    logs = [entry for entry in running.answers[kind.name]["entries"] if entry["kind"] == "access_log"]
    assert {entry["response_code"] for entry in logs if entry["proxy_role"] == "edge"} == {kind.status}
    done = tx(running, logs[0]["request_id"])
    assert done.returncode == 0, done.stderr
    assert " ".join(done.stdout.partition(logs[0]["transaction_id"])[0].split()) == kind.verdict


def tx(running: Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "weftline", "tx", "--url", running.stack.query_url, *arguments],
        env={"PATH": os.environ["PATH"], "COLUMNS": "80"}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_no_process_complained(running: Running) -> None:
    """Nothing in any log of ours says ERROR or shows a traceback, but the shop's own."""
    for name in ("edge", "query", "ingest", "migrate"):
        log = running.folder / "data" / "log" / f"{name}.log"
        if log.exists():
            text = log.read_text()
            assert " ERROR " not in text, name
            assert "Traceback" not in text, name
    for name in ("cart", "payment"):
        assert "weftline.agent" not in (running.folder / "shop" / f"{name}.log").read_text(), "the agent is silent"


def test_all_is_still_there_after_a_restart_of_every_process(running: Running) -> None:
    """Leaves a running stack behind: tests come in any order. The shop is not started again, nobody needs it."""
    running.stack.stop()
    stack = Stack(running.stack.options, lambda *_: None)
    running.stacks.append(stack)
    stack.start()
    running.stack = stack
    for kind in KINDS:
        status, answer = running.get(f"/api/v1/transactions/{running.sent[kind.name].transaction_id}")
        assert status == 200
        assert answer["entries"] == running.answers[kind.name]["entries"]
