"""Requests that share an insert, each with an answer of its own."""

import asyncio

from weftline.collector.bus.direct import DirectBus
from weftline.collector.errors import BadMessage, TryLater
from weftline.collector.store.protocol import Signal


def test_requests_that_come_together_share_an_insert_and_each_gets_its_own_answer() -> None:
    inserts: list[list[bytes]] = []

    def store(signal: Signal, messages: list[bytes], token: str, tenant: str) -> dict[int, BadMessage]:
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

    def store(signal: Signal, messages: list[bytes], token: str, tenant: str) -> dict[int, BadMessage]:
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


def test_the_same_request_while_it_is_under_way_shares_its_answer() -> None:
    inserts: list[list[bytes]] = []

    def store(signal: Signal, messages: list[bytes], token: str, tenant: str) -> dict[int, BadMessage]:
        inserts.append(list(messages))
        return {}

    async def scenario() -> None:
        bus = DirectBus(store, lambda: None, linger=0.02)
        await asyncio.gather(*(bus.publish(Signal.SPANS, b"x") for _ in range(3)), bus.publish(Signal.LOGS, b"x"))
        await bus.close()
        assert not bus._under_way

    asyncio.run(scenario())
    assert inserts == [[b"x"], [b"x"]], "one of each signal"
