"""Senders that don't send UTF-8 make nothing unreadable."""

from typing import Any

from support.asgi import call
from support.rows import START, TRANSACTION, RowsReader, log, span
from weftline.collector.store.protocol import SpanEvent
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings

BAD: Any = b"caf\xe9"


def test_bytes_become_text_wherever_they_are() -> None:
    reader = RowsReader(
        [
            span(
                BAD,
                "a",
                service="caf\u00e9",
                attributes={BAD: "v", "k": BAD},
                events=[SpanEvent(START, BAD, {"k": BAD})],
            ),
            log(BAD, "a", ms=1),
        ]
    )
    app = create_app(reader, QuerySettings())
    one, two = call(app, f"/api/v1/transactions/{TRANSACTION}").json()["entries"]
    assert (one["name"], one["service"], two["body"]) == ("caf\\xe9", "café", "caf\\xe9")
    assert one["attributes"] == {"caf\\xe9": "v", "k": "caf\\xe9"}
    assert (one["events"][0]["name"], one["events"][0]["attributes"]) == ("caf\\xe9", {"k": "caf\\xe9"})
    assert call(app, f"/api/traces/{TRANSACTION}").json()["data"][0]["spans"][0]["operationName"] == "caf\\xe9"


def test_services_too() -> None:
    reader = RowsReader()
    reader.services = lambda: [BAD]  # type: ignore[method-assign]
    assert call(create_app(reader, QuerySettings()), "/api/services").json()["data"] == ["caf\\xe9"]
