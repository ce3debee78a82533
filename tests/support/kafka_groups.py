"""Consumer groups of tests: all share one broker's topics, each looks only at what comes after its start."""

from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from weftline.collector.ingest.worker import connect_consumer
from weftline.collector.settings import KafkaSettings
from weftline.collector.store.protocol import Signal


def begin_at_the_ends(settings: KafkaSettings) -> None:
    """Commit the present ends of the signals' topics for the group."""
    consumer = connect_consumer(settings)
    partitions = [TopicPartition(s.value, p) for s in Signal for p in consumer.partitions_for_topic(s.value)]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    consumer.commit({tp: OffsetAndMetadata(end, "", -1) for tp, end in ends.items()})
    consumer.close()
