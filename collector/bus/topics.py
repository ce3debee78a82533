"""Kafka topics: which there are and how they are made."""

from collections.abc import Sequence
from typing import Any, Final

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from weftline.collector.errors import TryLater
from weftline.collector.settings import KafkaSettings
from weftline.collector.store.protocol import Signal

DEAD_LETTERS = "weftline_dead_letters"
"""Messages that can't be stored, as they came; their headers say topic, partition, offset and reason."""

MAX_MESSAGE_BYTES = 32 * 1024 * 1024
"""A message is a whole export request; the edge's limit (`max_request_bytes`) must stay below it."""

RECONNECT: Final = {"reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 1_000}
"""Of every client: kafka-python's own longest pause of 30 s would follow an outage of a few seconds."""


TENANT = "weftline.tenant"
"""Header of a message: whose rows it makes. None: no tenant's, as of messages that others write."""


def tenant_headers(tenant: str) -> list[tuple[str, bytes]]:
    """What says it, in Kafka's form."""
    return [(TENANT, tenant.encode())] if tenant else []


def topics() -> Sequence[str]:
    return [*(signal.value for signal in Signal), DEAD_LETTERS]


def create_topics(settings: KafkaSettings) -> None:
    """Create the topics that are missing; existing ones stay as the operator made them. Raises `TryLater`."""
    admin = connect_admin(settings)
    try:
        try:
            missing = set(topics()) - set(admin.list_topics())
            if missing:
                admin.create_topics(
                    {name: _options(name, settings) for name in sorted(missing)}, wait_for_metadata=True
                )
        except TopicAlreadyExistsError:
            admin.wait_for_topics(list(topics()))  # another process of ours was faster
        finally:
            admin.close()
    except (KafkaError, OSError) as error:
        raise away(settings, error) from error


def connect_admin(settings: KafkaSettings) -> KafkaAdminClient:
    """Raises `TryLater`."""
    try:
        return KafkaAdminClient(
            bootstrap_servers=list(settings.bootstrap_servers),
            client_id="weftline-admin",
            request_timeout_ms=5_000,
            **RECONNECT,
        )
    except (KafkaError, OSError) as error:
        raise away(settings, error) from error


def away(settings: KafkaSettings, error: Exception) -> TryLater:
    """The error to raise when the brokers don't answer."""
    return TryLater(f"Kafka at {','.join(settings.bootstrap_servers)} does not answer: {error!r}")


def _options(name: str, settings: KafkaSettings) -> dict[str, Any]:
    return {
        "num_partitions": 1 if name == DEAD_LETTERS else settings.partitions,
        "replication_factor": settings.replication_factor,
        "configs": {"max.message.bytes": str(MAX_MESSAGE_BYTES)},
    }
