"""The edge's end of Kafka, when its client hangs."""

import asyncio

import pytest

from weftline.collector.bus import kafka as module
from weftline.collector.bus.kafka import KafkaBus
from weftline.collector.errors import TryLater
from weftline.collector.settings import KafkaSettings
from weftline.collector.store.protocol import Signal
from weftline.deploy.local.kafka import Kafka

pytestmark = pytest.mark.kafka


def test_a_client_that_hangs_is_replaced(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sender is told to come back: whether Kafka has the message nobody knows."""
    monkeypatch.setattr(module, "LOST_SECONDS", 0.2)

    async def scenario() -> None:
        bus = KafkaBus(KafkaSettings(bootstrap_servers=(kafka.bootstrap_servers,)))
        hanging = bus._producer

        class Never:
            def add_callback(self, _: object) -> None: ...

            def add_errback(self, _: object) -> None: ...

        monkeypatch.setattr(hanging, "send", lambda *_, **__: Never())
        with pytest.raises(TryLater, match="does not say"):
            await bus.publish(Signal.SPANS, b"x")
        monkeypatch.setattr(module, "LOST_SECONDS", 30)
        assert bus._replacing is not None
        await bus._replacing
        assert bus._producer is not hanging
        await bus.publish(Signal.SPANS, b"x")
        await bus.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))
