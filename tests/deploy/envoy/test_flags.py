"""The response flags that this Envoy has, by its own description of its API: each has words, and comes by ALS as by text."""

import mmap
import re
from pathlib import Path

import pytest

from support import als
from weftline.collector.store.clickhouse_reader import ClickHouseReader
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.event_kinds import FLAGS
from weftline.collector.store.protocol import Signal
from weftline.deploy.local.envoy import _binary

pytestmark = pytest.mark.envoy

TX = "0af7651916cd43dd8448eb211c80319c"
WITHOUT_FIELD = ("DO", "UDO")
"""Flags of the text formats that Envoy's ALS has no field for."""
_ONE = re.compile(rb"R(?:\x02([A-Z]{2})|\x03([A-Z]{3})|\x04([A-Z]{4})|\x05([A-Z]{5}))")
"""What a filter by response flag takes (accesslog.v3.ResponseFlagFilter): protoc-gen-validate's `in`, field 10."""


@pytest.fixture(scope="module")
def flags() -> list[str]:
    """In the order in which Envoy got them: that of the fields of accesslog.v3.ResponseFlags."""
    with Path(_binary()).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found, at = [], content.find(b"R\x02LHR\x02UHR\x02UT")
        while match := _ONE.match(content, at):
            found.append(match[match.lastindex or 0].decode())
            at = match.end()
    return found


def test_every_flag_has_words(flags: list[str]) -> None:
    assert set(flags) == FLAGS.keys()


@pytest.mark.clickhouse
def test_every_field_of_als_is_its_flag(flags: list[str], writer: ClickHouseWriter, reader: ClickHouseReader) -> None:
    with_field = [it for it in flags if it not in WITHOUT_FIELD]
    entries = []
    for number, flag in enumerate(with_field, 1):
        value = als.field(1, 1) if flag == "UAEX" else 1  # a message that says why
        tags = {"trace_id": TX, "span_id": f"{number:016x}"}
        properties = als.common(stream_id=f"s{number}", tags=tags, flags=als.field(number, value), nanos=number * 10**6)
        entries.append(als.http_entry(properties, als.request(path=f"/{flag}"), als.response()))
    writer.insert(Signal.ENVOY_ALS, [als.framed(als.http_message(*entries, who=als.identifier()))], "flags")
    rows = reader.transaction(TX, 100)
    assert {row.path: row.response_flags for row in rows} == {f"/{flag}": flag for flag in with_field}
