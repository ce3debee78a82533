"""pymongo against a server that speaks MongoDB's protocol: commands, batches, cursors, errors; synchronous, asynchronous."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pymongo
import pytest
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, ServerSelectionTimeoutError
from pymongo.monitoring import CommandListener, CommandStartedEvent

from support.otlp_sink import OtlpSink
from support.served import names, queries, served
from weftline.agent.plugins import pymongo as plugin

pytestmark = pytest.mark.socket
Start = Callable[..., None]
Client = pymongo.MongoClient[dict[str, Any]]


@pytest.fixture
def client(mongo_port: int) -> Iterator[Client]:
    with pymongo.MongoClient("127.0.0.1", mongo_port) as client:
        client.drop_database("shop")
        yield client


def test_commands(start_agent: Start, sink: OtlpSink, client: Client, mongo_port: int) -> None:
    start_agent()
    with served() as request:
        orders = client.shop.orders
        orders.insert_one({"_id": 1, "card": "s3cret"})
        assert orders.find_one({"card": "s3cret"}) == {"_id": 1, "card": "s3cret"}
        orders.update_one({"_id": 1}, {"$set": {"card": "s3cret2"}})
        assert orders.find_one_and_delete({"_id": 1})
        assert list(orders.aggregate([{"$match": {"card": "s3cret"}}])) == []
        assert client.shop.command("ping")["ok"] == 1
    spans = queries(sink)
    assert names(spans) == [
        "insert orders", "find orders", "update orders", "findAndModify orders", "aggregate orders", "ping shop",
    ]  # fmt: skip
    assert {(span["parent_id"], span["status"], span["kind"]) for span in spans} == {
        (f"{request.span_id:016x}", 0, "CLIENT")
    }
    assert spans[1]["attributes"] == {
        "db.system.name": "mongodb",
        "db.namespace": "shop",
        "db.operation.name": "find",
        "db.collection.name": "orders",
        "db.query.summary": "find orders",
        "server.address": "127.0.0.1",
        "server.port": mongo_port,
    }
    assert b"s3cret" not in b"".join(body for _, _, body in sink.requests)


def test_batches_and_pages(start_agent: Start, sink: OtlpSink, client: Client) -> None:
    start_agent()
    with served():
        client.shop.orders.insert_many([{"n": number} for number in range(10)])
        client.shop.orders.bulk_write(
            [pymongo.UpdateOne({"n": 1}, {"$set": {"x": 1}}), pymongo.UpdateOne({"n": 2}, {"$set": {"x": 1}})]
        )
        assert len(list(client.shop.orders.find(batch_size=4))) == 10
    spans = queries(sink)
    assert names(spans) == [
        "BATCH insert orders",
        "BATCH update orders",
        "find orders",
        "getMore orders",
        "getMore orders",
    ]
    assert [span["attributes"].get("db.operation.batch.size") for span in spans] == [10, 2, None, None, None]


def test_refused_documents_are_errors_without_their_values(start_agent: Start, sink: OtlpSink, client: Client) -> None:
    client.shop.orders.create_index("card", unique=True)
    client.shop.orders.insert_one({"card": "s3cret"})
    start_agent()
    with served():
        with pytest.raises(DuplicateKeyError, match="s3cret"):
            client.shop.orders.insert_one({"card": "s3cret"})
        with pytest.raises(BulkWriteError):
            client.shop.orders.insert_many([{"card": "s3cret"}, {"card": "other"}])
        with pytest.raises(OperationFailure):
            client.shop.command("noSuchCommand")
        with pytest.raises(OperationFailure):
            client.shop.orders.update_one({"card": "s3cret"}, {"$unknown": {"card": "s3cret"}})
    insert, batch, unknown, update = queries(sink)
    for span in (insert, batch):
        assert (span["status"], span["attributes"]["db.response.status_code"]) == (2, "11000")
        assert span["attributes"]["error.type"] == "11000"
    assert (unknown["status"], unknown["attributes"]["error.type"]) == (
        2,
        unknown["attributes"]["db.response.status_code"],
    )
    assert unknown["events"][0]["exception.type"] == "pymongo.errors.OperationFailure"
    assert update["status"] == 2


def test_what_the_server_quotes_is_masked(start_agent: Start, sink: OtlpSink) -> None:
    """Of MongoDB's own words, which this server doesn't have."""
    from weftline.agent import query

    start_agent()
    with served():
        token = query.begin(plugin._LIBRARY, plugin._describe, object(), {"findAndModify": "orders"}, "shop")
        said = 'E11000 duplicate key error collection: shop.orders index: card_1 dup key: { card: "s3cret" }'
        plugin.error(token, OperationFailure(said, 11000, {"keyValue": {"card": "s3cret"}}))
    (span,) = queries(sink)
    message = "E11000 duplicate key error collection: shop.orders index: card_1 dup key:  ?"
    assert span["events"][0]["exception.message"] == message
    assert b"s3cret" not in b"".join(body for _, _, body in sink.requests)


@pytest.mark.usefixtures("client")  # an empty database
def test_asynchronously(start_agent: Start, sink: OtlpSink, mongo_port: int) -> None:
    async def work() -> None:
        async with pymongo.AsyncMongoClient[dict[str, Any]]("127.0.0.1", mongo_port) as client:
            with served() as request:
                await asyncio.gather(*(client.shop.orders.insert_one({"n": number}) for number in range(3)))
                assert len([order async for order in client.shop.orders.find({}, batch_size=2)]) >= 3
                seen.append(f"{request.span_id:016x}")

    seen: list[str] = []
    start_agent()
    asyncio.run(work())
    spans = queries(sink)
    assert names(spans)[:4] == ["insert orders"] * 3 + ["find orders"]
    assert {span["parent_id"] for span in spans} == set(seen)


@pytest.mark.usefixtures("client")
def test_handshakes_and_monitors_have_none_and_listeners_run_in_the_span(
    start_agent: Start, sink: OtlpSink, mongo_port: int
) -> None:
    from weftline.agent import context

    class Listener(CommandListener):
        def started(self, event: CommandStartedEvent) -> None:
            stamp = context.stamp()
            seen.append((event.command_name, stamp.span_id if stamp else 0))

        def succeeded(self, event: Any) -> None:
            pass

        failed = succeeded

    seen: list[tuple[str, int]] = []
    start_agent()
    with served(), pymongo.MongoClient("127.0.0.1", mongo_port, event_listeners=[Listener()]) as client:
        client.shop.orders.find_one()
    (span,) = queries(sink)
    assert ("find", int(span["span_id"], 16)) in seen


def test_no_server(start_agent: Start, sink: OtlpSink) -> None:
    """Nothing is sent, so no command has a span; the error is the application's."""
    start_agent()
    nowhere: Client = pymongo.MongoClient("127.0.0.1", 1, serverSelectionTimeoutMS=100)
    with served(), nowhere as client, pytest.raises(ServerSelectionTimeoutError):
        client.shop.orders.find_one()
    assert queries(sink) == []


def test_sampled_out(start_agent: Start, sink: OtlpSink, client: Client) -> None:
    start_agent(OTEL_TRACES_SAMPLER="always_off")
    with served():
        client.shop.orders.insert_one({"n": 1})
    assert queries(sink) == []
