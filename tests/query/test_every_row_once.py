"""Both ways: every row that was stored of a transaction is in each of its answers exactly once, and no other is.

Random transactions of spans, log lines and access logs, sent in random batches, some of them again with the same token.
"""

import json
import random
from collections import Counter

import pytest

from support.asgi import call
from support.otlp import START, access_log, log, logs_request, span, spans_request
from support.rows import RowsSearcher
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

pytestmark = pytest.mark.clickhouse

TRANSACTIONS = 12
SERVICES = ("edge", "cart", "payment")


def messages(pick: random.Random, transaction: str) -> list[tuple[Signal, bytes, str]]:
    """What is sent of one transaction: signal, message, and the number that its one row carries."""
    ids = [f"{number:016x}" for number in range(1, 6)]
    sent: list[tuple[Signal, bytes, str]] = []
    for number in range(pick.randint(1, 40)):
        own, other, service = pick.choice(ids), pick.choice(["", *ids]), pick.choice(SERVICES)
        start, mark = START + pick.randint(0, 4) * 1_000_000, f"{transaction[:4]}-{number}"
        match pick.randrange(3):
            case 0:
                one = span(transaction, own, parent=other, start=start, attributes={"mark": mark})
                sent.append((Signal.SPANS, spans_request(one, service=service), mark))
            case 1:
                line = log(transaction, other, f"line {mark}", time=start, attributes={"mark": mark})
                sent.append((Signal.LOGS, logs_request(line, service=service), mark))
            case _:
                record = access_log(
                    transaction, own, time=start, method="GET", path=f"/{mark}", stream_id=mark, mark=mark,
                    access_log_type=pick.choice(["DownstreamEnd", "UpstreamEnd"]), response_code="200",
                )  # fmt: skip
                sent.append((Signal.LOGS, logs_request(record, service=service), mark))
    return sent


@pytest.mark.parametrize("seed", range(3))
def test_every_row_is_in_the_answer_exactly_once(writer: ClickHouseWriter, reader: ClickHouseReader, seed: int) -> None:
    pick = random.Random(seed)
    ids = [f"{pick.getrandbits(128):032x}" for _ in range(TRANSACTIONS)]
    of = {transaction: messages(pick, transaction) for transaction in ids}
    everything = [(signal, message) for sent in of.values() for signal, message, _ in sent]
    pick.shuffle(everything)
    batch = 0
    while everything:
        some, everything = everything[:60], everything[60:]
        for signal in (Signal.SPANS, Signal.LOGS):
            of_signal = [message for kind, message in some if kind is signal]
            for _ in range(pick.choice([1, 1, 2])):
                writer.insert(signal, of_signal, f"{signal}-{seed}-{batch}")
        batch += 1
    app = create_app(reader, RowsSearcher(), QuerySettings())
    for transaction, sent in of.items():
        marks = Counter(mark for *_, mark in sent)
        path = f"/api/v1/transactions/{transaction}"
        entries = call(app, path).json()["entries"]
        assert Counter(entry["attributes"]["mark"] for entry in entries) == marks
        lines = [json.loads(line) for line in call(app, path, accept="application/x-ndjson").text.splitlines()[1:]]
        assert lines == entries
        of_logs = Counter(line["attributes"]["mark"] for line in call(app, f"{path}/logs").json()["lines"])
        assert of_logs == Counter(entry["attributes"]["mark"] for entry in entries if entry["kind"] != "span")
        shown = call(app, f"/api/traces/{transaction}?raw=true").json()["data"][0]["spans"]
        told = Counter(
            value
            for one in shown
            for value in (
                *(tag["value"] for tag in one["tags"] if tag["key"] == "mark"),
                *(field["value"] for line in one["logs"] for field in line["fields"] if field["key"] == "mark"),
            )
        )
        assert told == marks, "Jaeger's users see every row, too"


def test_rows_of_several_transactions_at_once(writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    pick = random.Random(7)
    ids = [f"{pick.getrandbits(128):032x}" for _ in range(3)]
    for number, transaction in enumerate(ids):
        for at, (signal, message, _) in enumerate(messages(pick, transaction)):
            writer.insert(signal, [message], f"{number}-{at}")
    found = reader.records_of([*ids, "f" * 32], 1000)
    for transaction in ids:
        assert sorted(map(repr, found.get(transaction, ()))) == sorted(map(repr, reader.logs(transaction, 1000)))
    assert "f" * 32 not in found
    assert reader.records_of([], 10) == {}
