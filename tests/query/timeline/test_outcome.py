import pytest

from support.rows import access, log, span
from weftline.collector.store.protocol import Row
from weftline.query.timeline import flags
from weftline.query.timeline.outcome import is_error


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (span("ok", "a", status="ok"), False),
        (span("bad", "a", status="error"), True),
        (log("fine", level="WARN"), False),
        (log("bad", level="ERROR"), True),
        (log("number unknown", level="critical"), True),
        (log("number unknown", level="notice"), False),
        (access("edge", "e", code=200), False),
        (access("edge", "e", code=404), False),
        (access("edge", "e", code=404, flags="NR"), True),
        (access("edge", "e", code=429, flags="RL"), True),
        (access("edge", "e", code=500), True),
        (access("edge", "e", code=200, flags="UPE"), True),
        (access("edge", "e", code=200, flags="DI"), False),
        (access("edge", "e", code=0, flags="DC"), True),
        (access("edge", "e", code=0, log_type="DownstreamStart"), False),
        (access("edge", "e", code=0, log_type="TcpConnectionEnd"), False),
        (access("edge", "e", code=200, grpc_status="14"), True),
        (access("edge", "e", code=200, grpc_status="5"), False),
        (access("edge", "e", code=200, grpc_status="0"), False),
    ],
)
def test_which_rows_report_a_failure(row: Row, expected: bool) -> None:
    assert is_error(row) is expected


def test_flags_are_explained_in_words() -> None:
    assert flags.explain("UF,URX") == "could not connect to the upstream; retries used up"
    assert flags.explain("XYZ") == "XYZ"
    assert flags.explain("") == flags.explain("-") == ""
