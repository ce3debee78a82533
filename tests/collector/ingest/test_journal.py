"""Direct mode: a request is stored once, whoever is killed in between and wherever its sender comes back."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.crashing import Crashes, CrashingJournal, CrashingWriter
from support.otlp import span, spans_request
from weftline.collector.errors import TryLater
from weftline.collector.ingest.journal import JournaledStore
from weftline.collector.ingest.once import hash_of
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import connect
from weftline.collector.store.clickhouse_journal import ClickHouseJournal
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.protocol import Signal

TX = "0af7651916cd43dd8448eb211c80319c"

GROUPS = st.lists(
    st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b"bad 1", b"bad 2"]), min_size=1, max_size=4), max_size=4
)


@settings(max_examples=500, derandomize=True, deadline=None, database=None)
@given(GROUPS, st.integers(0, 30), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_each_message_is_stored_once_whenever_the_edge_is_killed(groups, crash_at, after, killed, chance) -> None:
    """``killed``: the edge is another one afterwards; else its insert failed and it goes on. Groups are other ones too."""
    crashes = Crashes(crash_at, after=after)
    writer, journal = CrashingWriter(crashes), CrashingJournal(crashes)
    edges = [JournaledStore(writer, journal), JournaledStore(writer, journal)]
    answered: set[bytes] = set()
    waiting = [list(dict.fromkeys(group)) for group in groups]
    for number in range(100):
        if not waiting:
            break
        group = waiting.pop(0)
        at = chance.randrange(2)
        try:
            edges[at](Signal.SPANS, group, f"t{number}")
        except TryLater:
            if killed:
                edges[at] = JournaledStore(writer, journal)
            again = [*group, *(waiting.pop() if waiting else ())]
            chance.shuffle(again)
            waiting.append(list(dict.fromkeys(again)))
        else:
            answered |= set(group)
    assert not waiting
    JournaledStore(writer, journal).bring_all_to_their_end()
    good = sorted(it for it in answered if not it.startswith(b"bad"))
    assert writer.rows == (good, good)
    assert journal.groups == {}


def test_of_two_edges_that_have_the_same_message_the_later_one_waits_on_the_earlier() -> None:
    """Both have begun before either looks."""
    crashes = Crashes()
    writer, journal = CrashingWriter(crashes), CrashingJournal(crashes)
    journal.begin("other", Signal.SPANS, [hash_of(Signal.SPANS, it) for it in (b"a", b"b")], [b"a", b"b"])
    store = JournaledStore(writer, journal)
    store._in_doubt = False
    assert store(Signal.SPANS, [b"b", b"c"], "mine") == {}
    assert writer.rows[0] == [b"a", b"b", b"c"]
    assert writer.table["other"] == [b"a", b"b"], "as it was begun, under its token"


def test_nothing_new_is_begun_while_what_is_in_doubt_cannot_be_ended() -> None:
    """Or the journal would take in all that is sent while ClickHouse refuses inserts."""

    class Refusing(CrashingWriter):
        def insert(self, *_: object) -> None:
            raise TryLater("too many parts")

    journal = CrashingJournal(Crashes())
    store = JournaledStore(Refusing(Crashes()), journal)
    for number in range(5):
        with pytest.raises(TryLater):
            store(Signal.SPANS, [b"%d" % number], f"t{number}")
    assert list(journal.groups) == ["t0"]


@pytest.fixture
def journal(store: ClickHouseSettings) -> Iterator[ClickHouseJournal]:
    with closing(ClickHouseJournal(store)) as journal:
        yield journal


@pytest.mark.clickhouse
def test_the_journal_on_clickhouse(journal: ClickHouseJournal) -> None:
    messages = [bytes(range(256)) * 700, b"", b"b"]
    hashes = [hash_of(Signal.LOGS, it) for it in messages]
    journal.begin("direct-1", Signal.LOGS, hashes, messages)
    journal.begin("direct-0", Signal.SPANS, hashes[:1], messages[:1])
    first, second = journal.begun()
    assert (first.token, first.signal, first.hashes) == ("direct-1", Signal.LOGS, frozenset(hashes))
    assert (second.token, second.signal) == ("direct-0", Signal.SPANS)
    assert first.time <= second.time
    assert 0 <= second.age <= first.age < 60
    assert journal.messages("direct-1") == messages
    for _ in range(2):
        journal.end("direct-1")
    assert journal.messages("direct-1") == []
    assert [it.token for it in journal.begun()] == ["direct-0"]


@pytest.mark.clickhouse
@pytest.mark.parametrize("inserted", [False, True])
def test_a_group_left_behind_is_ended_by_the_next_edge(
    store: ClickHouseSettings, writer: ClickHouseWriter, journal: ClickHouseJournal, inserted: bool
) -> None:
    messages = [spans_request(span(TX, f"{n:016x}")) for n in range(1, 6)]
    journal.begin("direct-1", Signal.SPANS, [hash_of(Signal.SPANS, it) for it in messages], messages)
    if inserted:
        writer.insert(Signal.SPANS, messages, "direct-1")
    again = JournaledStore(writer, journal)
    assert again(Signal.SPANS, [messages[3], spans_request(span(TX, "f" * 16))], "direct-2") == {}
    assert journal.begun() == []
    with connect(store) as client:
        assert client.execute("SELECT count(), uniqExact(span_id) FROM spans") == [(6, 6)]
        assert client.execute("SELECT sum(spans) FROM transactions") == [(6,)]
