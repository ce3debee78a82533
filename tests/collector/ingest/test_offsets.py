"""Which offsets make one insert."""

from weftline.collector.ingest.offsets import PartitionBuffer, Range, fixed_range, parse_fixed_range


def buffer(*, fixed: Range | None = None, batch_bytes: int = 100) -> PartitionBuffer:
    return PartitionBuffer("otlp_spans", 2, batch_bytes=batch_bytes, batch_seconds=1.0, fixed=fixed)


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


def test_a_batch_ends_with_the_message_that_fills_it() -> None:
    """A poll may bring more: of a partition that waited, all that an answer of Kafka's holds."""
    it = buffer(batch_bytes=100)
    for offset, size in enumerate((40, 40, 40, 500, 40)):
        it.add(offset, b"x" * size, 0.0)
    taken = []
    while batch := it.take(0.0):
        taken.append(batch.offsets)
    assert taken == [[0, 1, 2], [3]]
    assert not it.full
    left = it.take(0.0, all_of_it=True)
    assert left is not None
    assert left.offsets == [4]


def test_a_partition_that_is_given_up_is_emptied_whatever_its_age() -> None:
    it = buffer()
    it.add(1, b"x", 0.0)
    assert it.take(0.0) is None
    assert it.take(0.0, all_of_it=True) is not None


def test_a_range_that_a_predecessor_fixed_is_taken_exactly_as_it_was() -> None:
    it = buffer(fixed=Range(5, 7))
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
    it = buffer(fixed=Range(5, 7))
    it.add(100, b"x", 0.0)
    assert it.take(0.0) is None
    batch = it.take(1.0)
    assert batch is not None
    assert batch.offsets == [100]


def test_a_fixed_range_keeps_its_token_when_its_first_messages_are_gone() -> None:
    it = buffer(fixed=Range(5, 7))
    it.add(6, b"x", 0.0)
    it.add(7, b"x", 0.0)
    batch = it.take(0.0)
    assert batch is not None
    assert (batch.token, batch.offsets) == ("otlp_spans-2-5-7", [6, 7])


def test_a_fixed_range_larger_than_a_batch_may_be_is_read_to_its_end() -> None:
    """The limit was lowered meanwhile: a buffer that is full before would wait for ever."""
    it = buffer(fixed=Range(5, 6))
    it.add(5, b"x" * 500, 0.0)
    assert not it.full
    it.add(6, b"x", 0.0)
    assert it.full


def test_commit_metadata_round_trips_and_foreign_metadata_is_ignored() -> None:
    assert parse_fixed_range(fixed_range(42)) == 42
    for other in (None, "", "something", "weftline:last=x"):
        assert parse_fixed_range(other) is None
