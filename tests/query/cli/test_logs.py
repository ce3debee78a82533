"""`weftline logs`, `compare` and `open` as users run them: against a real HTTP server, over rows by hand."""

import json
import webbrowser
from collections.abc import Iterator
from dataclasses import replace

import click
import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

from support import shop
from support.rows import START, TRANSACTION, RowsReader, RowsSearcher, hit, log
from support.server import serve
from weftline.query.app import create_app
from weftline.query.cli.commands import weftline
from weftline.query.cli.compare import compare
from weftline.query.cli.logs import logs
from weftline.query.cli.open import open_page
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.socket

OTHER = "b" * 32


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    long = log("a line that is \x1b[31mlonger\x07 than a terminal is wide, " * 3, ms=50, service="payment")
    slow = [replace(row, transaction_id=OTHER) for row in shop.upstream_down()]
    rows = [*shop.success(sampled=False), long, *slow]
    searcher = RowsSearcher([hit(TRANSACTION, START)])
    app = create_app(RowsReader(rows, {"order-4711": [TRANSACTION]}), searcher, QuerySettings())
    with serve(app) as url:
        yield url


def run(command: click.Command, url: str, *arguments: str) -> Result:
    return CliRunner().invoke(command, [*arguments, "--url", url], env={"COLUMNS": "80"})


def test_lines_as_they_were_written(url: str) -> None:
    ran = run(logs, url, "order-4711", "--kind", "log")
    assert ran.exit_code == 0
    lines = ran.output.splitlines()
    assert lines[:4] == [
        "06:07:12.003 cart INFO  checkout order=4711",
        "06:07:12.008 payment INFO  charging 12.50 EUR",
        "06:07:12.020 payment INFO  charged",
        "06:07:12.036 cart INFO  order 4711 is paid",
    ]
    assert len(lines) == 5, "one line each where no terminal reads it"
    assert r"\x1b[31mlonger\x07" in lines[4]


def test_proxies_lines_stand_between(url: str) -> None:
    lines = run(logs, url, TRANSACTION).output.splitlines()
    assert lines[0] == "06:07:12.000 proxy edge INFO  POST shop.example/checkout → 200 to 127.0.0.1:8080"
    assert lines[1].startswith("06:07:12.001 proxy cart inbound INFO  POST ")


def test_a_terminal_gets_wrapped_lines(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    ran = CliRunner().invoke(logs, [TRANSACTION, "--url", url, "--text", "longer"], env={"COLUMNS": "60"})
    lines = click.unstyle(ran.output).splitlines()
    assert len(lines) > 2
    assert max(map(cell_len, lines)) <= 60
    assert all(line.startswith(" " * 13) for line in lines[1:])


def test_json_is_an_object_a_line(url: str) -> None:
    lines = run(logs, url, TRANSACTION, "--json", "--service", "cart", "--kind", "log").output.splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["checkout order=4711", "order 4711 is paid"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["unknown"], 1, "No transaction is known"),
        ([TRANSACTION, "--text", "nowhere"], 1, "no line of it is such"),
        ([TRANSACTION[:-1]], 2, "32 hex digits"),
        ([TRANSACTION, "--since", "yesterday"], 2, "is no time"),
        ([TRANSACTION, "--level", "loud"], 2, "Invalid value"),
        (["unknown", "--follow"], 1, "No transaction is known"),
        ([TRANSACTION, "--follow", "--since", "yesterday"], 2, "is no time"),
    ],
)
def test_how_it_ends_without_lines(url: str, arguments: list[str], code: int, says: str) -> None:
    ran = run(logs, url, *arguments)
    assert (ran.exit_code, ran.stdout) == (code, "")
    assert says in ran.stderr


def test_nobody_there_is_3() -> None:
    for command, arguments in ((logs, ["x"]), (logs, ["x", "-f"]), (compare, ["x", "y"]), (open_page, ["x"])):
        assert run(command, "http://127.0.0.1:9", *arguments).exit_code == 3


def test_compare_shows_what_differs_in_80_columns(url: str) -> None:
    ran = run(compare, url, TRANSACTION, OTHER)
    assert ran.exit_code == 0
    lines = ran.output.splitlines()
    assert lines[0] == f"A {TRANSACTION}  50.0 ms  POST /checkout → 200"
    assert lines[2].strip() == "payment's inbound proxy: could not connect to payment_app (Connection refused)"
    assert any(line.startswith("only B") for line in lines)
    assert max(map(cell_len, lines)) <= 80
    assert "Nothing differs." in run(compare, url, TRANSACTION, TRANSACTION).output
    assert json.loads(run(compare, url, TRANSACTION, OTHER, "--json").output)["differences"] > 0
    assert run(compare, url, TRANSACTION, "unknown").exit_code == 1


def test_open_prints_the_page_and_opens_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert run(open_page, url, "order-4711").output == f"{url}/trace/{TRANSACTION}\n"
    assert run(open_page, url, "order-4711", "--print").output == f"{url}/trace/{TRANSACTION}\n"
    assert opened == [f"{url}/trace/{TRANSACTION}"]
    assert run(open_page, url, "unknown").exit_code == 1
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    assert "open the address yourself" in run(open_page, url, "order-4711").stderr


@pytest.mark.parametrize(("shell", "holds"), [("zsh", "#compdef weftline"), ("fish", "complete --no-files")])
def test_completion(shell: str, holds: str) -> None:
    ran = CliRunner().invoke(weftline, ["--completion", shell])
    assert ran.exit_code == 0
    assert holds in ran.output
    assert "_WEFTLINE_COMPLETE" in ran.output
    assert CliRunner().invoke(weftline, ["--completion", "cmd"]).exit_code == 2
