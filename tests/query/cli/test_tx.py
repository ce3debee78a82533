"""`weftline tx` as users run it: a process of its own against a real HTTP server."""

import json
import os
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from rich.cells import cell_len
from starlette.responses import JSONResponse, PlainTextResponse

from support import shop
from support.rows import TRANSACTION, RowsReader, RowsSearcher
from support.server import serve
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.socket


@pytest.fixture(scope="module")
def reader() -> RowsReader:
    return RowsReader(shop.upstream_down(), {"order-4711": [TRANSACTION, "b" * 32], "shop/logs": [TRANSACTION]})


@pytest.fixture(scope="module")
def url(reader: RowsReader) -> Iterator[str]:
    with serve(create_app(reader, RowsSearcher(), QuerySettings())) as url:
        yield url


def weftline(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a pipe for its output."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("WEFTLINE_URL", "COLUMNS")}
    return subprocess.run(
        [sys.executable, "-c", "from weftline.query.cli import main; main()", *arguments],
        env={**inherited, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_it_prints_the_timeline(url: str) -> None:
    ran = weftline("tx", TRANSACTION, "--url", url)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(
        "payment's inbound proxy: could not connect to payment_app (Connection refused)\n"
        f"{TRANSACTION}\nPOST /checkout → 503\n"
    )
    assert "▸ proxy payment inbound  GET /pay → 503 UF" in ran.stdout
    assert "could not connect to the upstream" in ran.stdout
    assert "requests.exceptions.HTTPError: 503 Server Error" in ran.stdout
    assert "raise_for_status" not in ran.stdout


def test_an_alias_that_ends_as_the_route_of_lines_does(url: str) -> None:
    """Over a real connection: what decodes the path on its way would make it another one."""
    assert f"\n{TRANSACTION}" in weftline("tx", "shop/logs", "--url", url).stdout
    assert "payment failed" in weftline("logs", "shop/logs", "--url", url).stdout
    assert weftline("open", "--print", "shop/logs", "--url", url).stdout == f"{url}/trace/{TRANSACTION}\n"


def test_verbose_prints_the_stack(url: str) -> None:
    assert "raise_for_status" in weftline("tx", TRANSACTION, "--url", url, "--verbose").stdout


def test_the_url_may_come_from_the_environment(url: str) -> None:
    ran = weftline("tx", "order-4711", WEFTLINE_URL=url + "/", http_proxy="http://127.0.0.1:9")
    assert ran.returncode == 0
    assert ran.stdout.splitlines()[1] == f"{TRANSACTION}  order-4711"
    assert f"order-4711 also names, newest first:\n  {'b' * 32}\n" in ran.stdout


def test_a_pipe_gets_no_colour_and_fits(url: str) -> None:
    for columns in (60, 80, 120):
        ran = weftline("tx", TRANSACTION, "--url", url, COLUMNS=str(columns))
        assert "\x1b" not in ran.stdout
        assert max(map(cell_len, ran.stdout.splitlines())) <= columns


def test_a_terminal_without_unicode_gets_ascii(url: str) -> None:
    ran = weftline("tx", TRANSACTION, "--url", url, PYTHONIOENCODING="ascii")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.isascii()
    assert "> proxy payment inbound  GET /pay -> 503 UF" in ran.stdout


def test_json_is_the_apis(url: str) -> None:
    answer = json.loads(weftline("tx", TRANSACTION, "--url", url, "--json").stdout)
    assert answer["transaction_id"] == TRANSACTION
    assert len(answer["entries"]) == 15


def test_svg_is_a_picture_that_loads_nothing(url: str, tmp_path: Path) -> None:
    file = tmp_path / "timeline.svg"
    assert weftline("tx", TRANSACTION, "--url", url, "--svg", str(file)).returncode == 0
    text = file.read_text(encoding="utf-8")
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "@font-face" not in text
    assert text.count("http") == text.count("http://www.w3.org") + text.count("http://payment/pay")
    assert "503" in text


def test_an_unknown_id_exits_with_1(url: str) -> None:
    ran = weftline("tx", "order-9", "--url", url)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "weftline: No transaction is known under 'order-9'.\n"


@pytest.mark.parametrize("malformed", ["", "0" * 32, TRANSACTION[1:]])
def test_a_malformed_id_exits_with_2(url: str, malformed: str) -> None:
    ran = weftline("tx", malformed, "--url", url)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("weftline: ")


def test_wrong_usage_exits_with_2() -> None:
    assert weftline("tx").returncode == 2
    assert weftline("nothing").returncode == 2


def test_a_service_that_is_not_there_exits_with_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    ran = weftline("tx", TRANSACTION, "--url", url)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert f"weftline doesn't answer at {url}: " in ran.stderr
    assert "weftline up" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_url_that_is_none_exits_with_3() -> None:
    for url in ("localhost:16686", "file:///etc/passwd", "http://"):
        ran = weftline("tx", TRANSACTION, "--url", url)
        assert ran.returncode == 3
        assert "is no http:// or https:// URL" in ran.stderr


def test_another_service_on_that_port_exits_with_3() -> None:
    for answer in (PlainTextResponse("404 page not found", 404), PlainTextResponse("hello"), JSONResponse([1])):
        with serve(answer) as url:
            ran = weftline("tx", TRANSACTION, "--url", url)
        assert ran.returncode == 3
        assert "is not weftline's query service" in ran.stderr


def test_a_store_that_is_away_exits_with_3() -> None:
    reader = RowsReader()
    reader.away = "ClickHouse does not answer."
    app: FastAPI = create_app(reader, RowsSearcher(), QuerySettings())
    with serve(app) as url:
        ran = weftline("tx", TRANSACTION, "--url", url)
    assert ran.returncode == 3
    assert "(HTTP 503): The store can't answer now: ClickHouse does not answer." in ran.stderr
