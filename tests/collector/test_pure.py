"""The collector's decisions, without any I/O."""

import asyncio
import gzip
import zlib

import pytest

from support.otlp import logs_request, span, spans_request
from weftline.collector.bus.direct import DirectBus
from weftline.collector.edge.admission import Admission
from weftline.collector.edge.decompress import decompress
from weftline.collector.edge.otlp import check
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.ingest.halve import insert_halving
from weftline.collector.ingest.offsets import PartitionBuffer, fixed_range, parse_fixed_range
from weftline.collector.store.clickhouse_errors import translate
from weftline.collector.store.protocol import Signal

TX = "0af7651916cd43dd8448eb211c80319c"


# --- admission and decoding ----------------------------------------------------------------------------------------


def test_admission_holds_bytes_only_while_they_are_under_way() -> None:
    admission = Admission(100)
    with admission.admit(60):
        with pytest.raises(TryLater, match="60 bytes are waiting"), admission.admit(60):
            pass
        with admission.admit(40):
            pass
    with admission.admit(60):
        pass


def test_a_request_larger_than_the_limit_is_admitted_when_nothing_else_is_under_way() -> None:
    with Admission(10).admit(60):
        pass


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "", "identity"])
def test_bodies_are_decompressed(encoding: str) -> None:
    pack = {"gzip": gzip.compress, "deflate": zlib.compress}.get(encoding, bytes)
    assert decompress(pack(b"x" * 1000), encoding, 1000) == b"x" * 1000


@pytest.mark.parametrize(
    ("body", "encoding", "says"),
    [
        (gzip.compress(b"x" * 1001), "gzip", "larger than 1000 bytes"),
        (gzip.compress(b"x" * 50_000_000), "gzip", "larger than 1000 bytes"),
        (gzip.compress(b"x" * 100)[:-9], "gzip", "ends too early"),
        (b"hello", "gzip", "is not gzip"),
        (b"hello", "br", "'br' is not supported"),
    ],
    ids=["too large", "bomb", "cut", "not gzip", "unknown"],
)
def test_bad_encodings_are_refused_with_a_reason(body: bytes, encoding: str, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        decompress(body, encoding, 1000)


def test_only_requests_of_the_signal_pass() -> None:
    check(Signal.SPANS, spans_request(span(TX, "b" * 16)))
    check(Signal.LOGS, logs_request())
    for rubbish in (b"\xff\xff", b"hello", spans_request(span(TX, "b" * 16))[:-2]):
        with pytest.raises(BadMessage, match="not an OTLP ExportTraceServiceRequest"):
            check(Signal.SPANS, rubbish)


@pytest.mark.parametrize(("code", "kind"), [(444, BadMessage), (395, BadMessage), (252, TryLater), (0, TryLater)])
def test_clickhouse_codes_tell_bad_data_from_bad_times(code: int, kind: type[Exception]) -> None:
    assert type(translate(code, "Code: …")) is kind


# --- halving -------------------------------------------------------------------------------------------------------


class RefusingWriter:
    """In memory: takes a batch unless it holds one of the bad messages, as ClickHouse does; remembers tokens."""

    def __init__(self, *bad: bytes) -> None:
        self.bad = set(bad)
        self.stored: dict[str, list[bytes]] = {}
        self.calls = 0

    def insert(self, signal: Signal, messages: list[bytes], token: str) -> None:
        self.calls += 1
        if self.bad & set(messages):
            raise BadMessage("bad")
        assert self.stored.setdefault(token, messages) == messages, "a token must always bring the same messages"


@pytest.mark.parametrize("bad", [(), (0,), (99,), (7, 8), (0, 50, 99), tuple(range(100))])
def test_halving_stores_all_but_the_bad_ones_and_twice_changes_nothing(bad: tuple[int, ...]) -> None:
    messages = [b"%d" % n for n in range(100)]
    writer = RefusingWriter(*(messages[n] for n in bad))
    for _ in range(2):
        assert sorted(insert_halving(writer, Signal.SPANS, messages, "t")) == list(bad)
        stored = [message for part in writer.stored.values() for message in part]
        assert sorted(stored) == sorted(message for n, message in enumerate(messages) if n not in bad)


def test_one_bad_message_costs_few_inserts() -> None:
    messages = [b"%d" % n for n in range(1024)]
    writer = RefusingWriter(messages[777])
    insert_halving(writer, Signal.SPANS, messages, "t")
    assert writer.calls == 21


# --- offsets -------------------------------------------------------------------------------------------------------


def buffer(*, fixed_last: int | None = None, batch_bytes: int = 100) -> PartitionBuffer:
    return PartitionBuffer("otlp_spans", 2, batch_bytes=batch_bytes, batch_seconds=1.0, fixed_last=fixed_last)


def test_a_batch_is_due_by_size_or_age() -> None:
    it = buffer()
    assert it.take(0.0) is None
    it.add(5, b"x" * 60, 10.0)
    assert it.take(10.9) is None
    it.add(6, b"x" * 60, 10.9)
    assert it.full
    batch = it.take(10.9)
    assert batch is not None
    assert (batch.token, batch.offsets) == ("otlp_spans-2-5-6", [5, 6])
    it.add(9, b"x", 11.0)
    assert it.take(11.9) is None
    batch = it.take(12.0)
    assert batch is not None
    assert batch.token == "otlp_spans-2-9-9"
    assert it.take(99.0, all_of_it=True) is None


def test_a_partition_that_is_given_up_is_emptied_whatever_its_age() -> None:
    it = buffer()
    it.add(1, b"x", 0.0)
    assert it.take(0.0) is None
    assert it.take(0.0, all_of_it=True) is not None


def test_a_range_that_a_predecessor_fixed_is_taken_exactly_as_it_was() -> None:
    it = buffer(fixed_last=7)
    it.add(5, b"x" * 500, 0.0)
    assert it.take(99.0, all_of_it=True) is None, "5 alone is not the range"
    for offset in (6, 7, 8):
        it.add(offset, b"y", 99.0)
    batch = it.take(99.0)
    assert batch is not None
    assert (batch.token, batch.messages) == ("otlp_spans-2-5-7", [b"x" * 500, b"y", b"y"])
    assert it.take(99.5) is None
    batch = it.take(100.0)
    assert batch is not None
    assert batch.offsets == [8]


def test_a_fixed_range_that_is_gone_from_the_topic_is_passed_over() -> None:
    it = buffer(fixed_last=7)
    it.add(100, b"x", 0.0)
    assert it.take(0.0) is None
    batch = it.take(1.0)
    assert batch is not None
    assert batch.offsets == [100]


def test_commit_metadata_round_trips_and_foreign_metadata_is_ignored() -> None:
    assert parse_fixed_range(fixed_range(42)) == 42
    for other in (None, "", "something", "weftline:last=x"):
        assert parse_fixed_range(other) is None


# --- the direct bus ------------------------------------------------------------------------------------------------


def test_requests_that_come_together_share_an_insert_and_each_gets_its_own_answer() -> None:
    inserts: list[list[bytes]] = []

    def store(signal: Signal, messages: list[bytes], token: str) -> dict[int, BadMessage]:
        inserts.append(list(messages))
        return {n: BadMessage("bad one") for n, message in enumerate(messages) if message == b"bad"}

    async def scenario() -> list[object]:
        bus = DirectBus(store, lambda: None, linger=0.02)
        sent = [b"a", b"bad", b"b"]
        answers = await asyncio.gather(*(bus.publish(Signal.SPANS, it) for it in sent), return_exceptions=True)
        await bus.close()
        return answers

    first, second, third = asyncio.run(scenario())
    assert (first, third) == (None, None)
    assert isinstance(second, BadMessage)
    assert inserts == [[b"a", b"bad", b"b"]]


def test_a_full_group_does_not_wait() -> None:
    async def scenario() -> None:
        bus = DirectBus(lambda *_: {}, lambda: None, linger=3600, batch_bytes=3)
        await asyncio.gather(bus.publish(Signal.SPANS, b"ab"), bus.publish(Signal.SPANS, b"cd"))

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_every_sender_is_told_when_the_store_is_away_or_broken() -> None:
    async def scenario(error: Exception) -> None:
        def store(*_: object) -> dict[int, BadMessage]:
            raise error

        bus = DirectBus(store, lambda: None, linger=0)
        answers = await asyncio.gather(*(bus.publish(Signal.LOGS, b"x") for _ in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [TryLater] * 3
        await bus.close()

    for error in (TryLater("away"), RuntimeError("a bug")):
        asyncio.run(scenario(error))


def test_closing_finishes_what_was_accepted() -> None:
    stored: list[bytes] = []

    def store(signal: Signal, messages: list[bytes], token: str) -> dict[int, BadMessage]:
        stored.extend(messages)
        return {}

    async def scenario() -> None:
        bus = DirectBus(store, lambda: None, linger=0.05)
        sending = asyncio.create_task(bus.publish(Signal.SPANS, b"x"))
        await asyncio.sleep(0)
        await bus.close()
        await sending

    asyncio.run(scenario())
    assert stored == [b"x"]
