"""`/api/v1/metrics` over the demo's real Envoys and services: up to three spans tell of a request, and it counts once."""

import contextlib
import io
import time
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from weftline.deploy.demo.command import drive, running
from weftline.deploy.demo.drive import BACKGROUND, Driver
from weftline.deploy.demo.kinds import KINDS, SUCCESS, Kind
from weftline.query.cli.client import get

pytestmark = pytest.mark.e2e

SETTLE = 20.0
"""Seconds until all spans are stored."""


def requests_of(kind: Kind) -> Counter[tuple[str, str]]:
    """What the applications did for one request of this kind, and the edge, which has none behind it."""
    return Counter(
        (it.service, it.kind) for it in kind.spans if it.role in ("", "edge") and it.kind in ("server", "client")
    )


def test_a_request_counts_once(tmp_path: Path) -> None:
    console = Console(file=io.StringIO())
    with running(tmp_path / "data", None, console) as (stack, port), contextlib.closing(Driver(port)) as driver:
        sent = [it.kind for it in drive(driver, stack, console)] + [SUCCESS] * (BACKGROUND // len(KINDS) * len(KINDS))
        wanted: Counter[tuple[str, str]] = sum(map(requests_of, sent), Counter())
        found: dict[tuple[str, str], int] = {}
        until = time.monotonic() + SETTLE
        while found != wanted and time.monotonic() < until:
            time.sleep(0.5)
            asked = {"kind": ["server", "client"], "by_operation": "false"}
            answer = get("/api/v1/metrics", stack.query_url, asked, holds="metrics")
            found = {(it["service"], it["kind"]): it["calls"] for it in answer["metrics"]}
    assert found == wanted
