import os
from pathlib import Path

import pytest

from weftline.collector.errors import Misconfigured
from weftline.collector.scrape.proxy import Target, parse_target
from weftline.collector.scrape.targets import Targets, parse_file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9901", Target("127.0.0.1:9901")),
        ("http://h:15090/stats/prometheus", Target("h:15090")),
        ("cart-1=h:1", Target("h:1", "cart-1")),
        ("sidecar~10.0.0.1~cart.shop~x=10.0.0.1:15090", Target("10.0.0.1:15090", "sidecar~10.0.0.1~cart.shop~x")),
        ("[::1]:9901", Target("[::1]:9901")),
    ],
)
def test_a_target(text: str, expected: Target) -> None:
    assert parse_target(text) == expected


@pytest.mark.parametrize("text", ["", "h", "h:", ":1", "h:0", "h:99999", "h:x"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no target: write host:port"):
        parse_target(text)


def test_a_file_of_prometheus_is_taken_and_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "targets.json"
    file.write_text('[{"targets": ["a:1", "b:2"], "labels": {"service": "cart"}}]')
    targets = Targets(("edge=c:3",), str(file))
    expected = [Target("a:1", "", "cart"), Target("b:2", "", "cart"), Target("c:3", "edge")]
    assert targets.now() == expected
    for number, broken in enumerate(("{", "[1]"), 1):
        file.write_text(broken)
        os.utime(file, (number, number))
        assert targets.now() == expected
    assert len(caplog.records) == 1
    file.write_text("- targets: [d:4]\n  labels: {node_id: n}\n")
    os.utime(file, (9, 9))
    assert targets.now() == [Target("d:4", "n"), Target("c:3", "edge")]


def test_no_targets_or_a_bad_file_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="No proxies to look at"):
        Targets((), "")
    with pytest.raises(Misconfigured, match="No such file"):
        Targets((), str(tmp_path / "none"))
    with pytest.raises(Misconfigured, match="'x' is no target"):
        Targets(("x",), "")


def test_not_file_sd() -> None:
    with pytest.raises(ValueError, match="file_sd"):
        parse_file('[{"target": "a:1"}]')
