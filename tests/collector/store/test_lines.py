"""Lines of a transaction that pass a filter: ClickHouse decides as Python does, and finds what lies behind many others."""

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from support.asgi import call
from support.otlp import START, access_log, log, logs_request
from support.rows import RowsSearcher
from weftline.collector.errors import AskOtherwise
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.line_filter import LineBounds, LineFilter
from weftline.collector.store.protocol import Line, LogRow, Signal
from weftline.collector.store.tenants import Asker
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings
from weftline.query.timeline.lines import LEVELS, passes

pytestmark = pytest.mark.clickhouse

TX = "0af7651916cd43dd8448eb211c80319c"
WIDE = LineBounds(10**6, 30)
FILTERS = [
    LineFilter(),
    LineFilter(services={"cart"}),
    LineFilter(services={"cart", "edge"}, kinds={"log"}),
    LineFilter(kinds={"access_log"}),
    LineFilter(kinds={"attempt", "log"}),
    *(LineFilter(level=number) for number in LEVELS.values()),
    LineFilter(level=10, kinds={"access_log", "attempt"}),
    LineFilter(text="DECLINED"),
    LineFilter(text="→ 503 uf to"),
    LineFilter(text="attempt 2 get"),
    LineFilter(text="attempt GET"),
    LineFilter(text="GROSS ÄRGER"),
    LineFilter(text="100%_'\\"),
    LineFilter(text="order.paid"),
    LineFilter(text="connection →"),
    LineFilter(since=START + 5, until=START + 9),
    LineFilter(since=START + 5, level=17, text="5", services={"payment"}),
]


def of_every_kind(pick: random.Random, count: int) -> Iterator[tuple[bytes, str]]:
    """Requests with one line each, and its service: few times, so that many are the same."""
    for number in range(count):
        service, time = pick.choice(["cart", "payment", "edge"]), START + pick.randrange(20)
        own = f"{pick.getrandbits(64) or 1:016x}"
        if pick.random() < 0.5:
            body = pick.choice(["declined", "Card Declined", "groß ärger", "Gross Ärger", "", "100%_'\\ sure"])
            level = pick.choice(
                [(9, "INFO"), (0, "Warning"), (0, "critical"), (0, ""), (17, ""), (0, "fatal!"), (21, "x")]
            )
            line = log(
                TX, own, body, time=time, severity_number=level[0], severity_text=level[1],
                event_name=pick.choice(["", "order.paid"]), attributes={"number": number},
            )  # fmt: skip
        else:
            line = access_log(
                TX, own, time=time, stream_id=f"{number}",
                access_log_type=pick.choice(["DownstreamEnd", "UpstreamEnd", "TcpConnectionEnd", "DownstreamStart"]),
                method=pick.choice(["GET", "-"]), authority=pick.choice(["shop", "-"]), path=pick.choice(["/a  b", "-"]),
                response_code=pick.choice(["200", "503", "0"]), response_flags=pick.choice(["-", "UF", "DI", "DI,URX"]),
                response_code_details=pick.choice(["via_upstream", "rbac_access_denied_matched_policy[x]"]),
                connection_termination_details=pick.choice(["-", "-", "max_duration_timeout"]),
                grpc_status=pick.choice(["-", "5", "14"]), upstream_host=pick.choice(["-", "10.0.0.1:80"]),
                upstream_request_attempt_count=pick.choice(["0", "1", "2"]),
            )  # fmt: skip
        yield logs_request(line, service=service), service


def store_lines(writer: ClickHouseWriter, seed: int, count: int = 300) -> None:
    requests = [request for request, _ in of_every_kind(random.Random(seed), count)]
    writer.insert(Signal.LOGS, requests, f"lines {seed}")


def plain(rows: object) -> list[str]:
    return sorted(map(repr, rows))  # type: ignore[call-overload]


def test_the_store_decides_as_we_do(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    store_lines(writer, 1)
    everything = reader.logs(TX, 10_000)
    assert len(everything) > 250
    for wanted in FILTERS:
        found = reader.lines(TX, wanted, 10_000, WIDE)
        passing = [row for row in everything if passes(wanted, row)]
        assert plain(found.rows) == plain(passing), wanted
        assert passing, wanted
        assert found.looked_until is None
        assert [row.time for row in found.rows] == sorted(row.time for row in passing)


def test_what_is_looked_through_is_bounded_and_goes_on(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    store_lines(writer, 2)
    for wanted in FILTERS:
        got: list[Line] = []
        since: int | None = wanted.since
        looks = 0
        while since is not None:
            found = reader.lines(TX, replace(wanted, since=since), 10_000, LineBounds(40, 30))
            got += found.rows
            since = None if found.looked_until is None else found.looked_until + 1
            looks += 1
        assert plain(got) == plain(reader.lines(TX, wanted, 10_000, WIDE).rows), wanted
        assert looks > 2 or wanted.until < START + 10, wanted


def test_pages_over_http_lose_and_double_nothing_in_a_big_transaction(
    store: ClickHouseSettings, writer: ClickHouseWriter, reader: ClickHouseReader
) -> None:
    store_lines(writer, 3)
    with connect(store) as client:
        client.execute(
            "INSERT INTO logs (transaction_id, time, service, severity_number, body) "
            "SELECT unhex(%(id)s), fromUnixTimestamp64Nano(toInt64(%(start)s) + 100 + intDiv(number, 3)), 'noisy', 9, "
            "if(number = 29999, 'the needle', concat('line ', toString(number))) FROM numbers(30000)",
            {"id": TX, "start": START},
        )
    app = create_app(reader, RowsSearcher(), QuerySettings(max_lines=10_000))

    def lines(query: str) -> list[str]:
        got, cursor, pages = [], "", 0
        while cursor is not None and pages < 50:
            body = call(app, f"/api/v1/transactions/{TX}/logs?{query}&cursor={cursor}").json()
            got += [line["text"] + line["time_unix_nano"] + str(line["attributes"]) for line in body["lines"]]
            cursor, pages = body["next"], pages + 1
        return got

    assert [text[:10] for text in lines("text=NEEDLE")] == ["the needle"]
    assert len(set(noisy := lines("service=noisy&limit=7000"))) == len(noisy) == 30_000
    assert lines("level=error&limit=7") == lines("level=error")


def test_what_costs_too_much_says_so(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    store_lines(writer, 4)

    def ask() -> None:
        for _ in range(100):
            reader.lines(TX, LineFilter(), 100, LineBounds(10**6, 0))

    with pytest.raises(AskOtherwise, match="too long"):
        ask()


def test_a_batch_of_thousands_of_requests(store: ClickHouseSettings, reader: ClickHouseReader) -> None:
    with connect(store) as client:
        client.execute(
            "INSERT INTO access_logs (transaction_id, time, service, kind, record_id, method, path, response_code, request_id) "
            "SELECT unhex(%(id)s), fromUnixTimestamp64Nano(toInt64(%(start)s) + number), 'batch', 'end', number + 1, 'GET', "
            "concat('/', toString(number)), 200, toString(generateUUIDv4()) FROM numbers(12000)",
            {"id": TX, "start": START},
        )
    assert [row.time - START for row in reader.lines(TX, LineFilter(text="/11999 "), 10, WIDE).rows] == [11_999]
    assert len(reader.logs(TX, 20_000)) == 12_000


def test_a_tenant_sees_its_own_lines(store: ClickHouseSettings, writer: ClickHouseWriter) -> None:
    for tenant in ("a", "b"):
        request = logs_request(log(TX, "a" * 16, f"of {tenant}"), access_log(TX, "b" * 16, path=f"/{tenant}"))
        writer.insert(Signal.LOGS, [request], tenant, tenant)
    for tenant, texts in (("a", ["of a", "/a"]), ("b", ["of b", "/b"]), ("", [])):
        with closing(ClickHouseReader(store, lambda tenant=tenant: Asker(tenant))) as reader:
            rows = reader.lines(TX, LineFilter(), 10, WIDE).rows
            assert [row.body if isinstance(row, LogRow) else row.path for row in rows] == texts
