"""A bad message among good ones."""

import pytest

from weftline.collector.errors import BadMessage
from weftline.collector.ingest.halve import insert_halving
from weftline.collector.store.protocol import Signal


class RefusingWriter:
    """In memory: takes a batch unless it holds one of the bad messages, as ClickHouse does; remembers tokens."""

    def __init__(self, *bad: bytes) -> None:
        self.bad = set(bad)
        self.stored: dict[str, list[bytes]] = {}
        self.calls = 0

    def insert(self, signal: Signal, messages: list[bytes], token: str, tenant: str) -> None:
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
