"""redis against a real Redis: synchronous, asynchronous, pipelines, a cluster of one."""

import asyncio
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kombu
import pytest
import redis
import redis.asyncio
import redis.cluster

from support.otlp_sink import OtlpSink
from support.redis_server import redis_server
from support.roles import eventually
from support.served import names, queries, served

pytestmark = pytest.mark.socket
Start = Callable[..., None]


@pytest.fixture
def client(redis_port: int) -> Iterator[redis.Redis]:
    with redis.Redis(port=redis_port, db=3, decode_responses=True) as client:
        client.flushdb()
        yield client


def test_a_command(start_agent: Start, sink: OtlpSink, client: redis.Redis, redis_port: int) -> None:
    start_agent()
    with served() as request:
        assert client.set("session:s3cret", "s3cret", ex=60) is True
        assert client.get("session:s3cret") == "s3cret"
    set_, get = queries(sink)
    assert (set_["name"], set_["attributes"]["db.query.text"]) == ("SET 3", "SET ? ? ? ?")
    assert (get["name"], get["parent_id"], get["status"]) == ("GET 3", f"{request.span_id:016x}", 0)
    assert get["attributes"] == {
        "db.system.name": "redis",
        "db.namespace": "3",
        "db.operation.name": "GET",
        "db.query.text": "GET ?",
        "server.address": "localhost",
        "server.port": redis_port,
    }


def test_pipelines_are_one_span(start_agent: Start, sink: OtlpSink, client: redis.Redis) -> None:
    start_agent()
    with served():
        with client.pipeline(transaction=False) as pipe:
            assert pipe.incr("a").incr("a").execute() == [1, 2]
        with client.pipeline() as pipe:
            pipe.watch("a")
            pipe.multi()
            assert pipe.set("a", "s3cret").get("a").execute() == [True, "s3cret"]
        with client.pipeline() as pipe:
            assert pipe.execute() == []
    spans = queries(sink)
    assert names(spans) == ["PIPELINE INCRBY 3", "WATCH 3", "MULTI 3"]
    assert spans[0]["attributes"]["db.operation.name"] == "PIPELINE INCRBY"  # what the library makes of incr()
    assert spans[0]["attributes"]["db.operation.batch.size"] == 2
    assert spans[2]["attributes"]["db.query.text"] == "SET ? ?\nGET ?"


def test_an_error(start_agent: Start, sink: OtlpSink, client: redis.Redis) -> None:
    start_agent()
    client.set("a", "text")
    for command, error in (
        (lambda: client.lpush("a", "x"), redis.ResponseError),
        (lambda: client.execute_command("NOSUCH"), redis.ResponseError),
    ):
        with served(), pytest.raises(error):
            command()
    _, wrong_type, unknown = queries(sink)
    assert wrong_type["attributes"]["db.response.status_code"] == wrong_type["attributes"]["error.type"] == "WRONGTYPE"
    assert unknown["attributes"]["db.response.status_code"] == "ERR"
    assert wrong_type["status"] == unknown["status"] == 2


def test_no_answer(start_agent: Start, sink: OtlpSink) -> None:
    start_agent()
    client = redis.Redis(host="127.0.0.1", port=1, retry=None, password="s3cret")
    with served(), pytest.raises(redis.ConnectionError):
        client.get("a")
    (span,) = queries(sink)
    assert span["attributes"]["error.type"] == "redis.exceptions.ConnectionError"
    assert "db.response.status_code" not in span["attributes"]
    assert span["attributes"]["server.address"] == "127.0.0.1"


def test_asynchronous(start_agent: Start, sink: OtlpSink, redis_port: int) -> None:
    start_agent()

    async def main() -> list[Any]:
        async with redis.asyncio.Redis(port=redis_port, db=4) as client:
            await client.flushdb()
            async with client.pipeline(transaction=True) as pipe:
                assert await pipe.set("a", 1).incr("a").execute() == [True, 2]
            with pytest.raises(redis.ResponseError):
                await client.lpush("a", 1)
            return await asyncio.gather(*(client.get("a") for _ in range(5)))

    with served() as request:
        assert asyncio.run(main()) == [b"2"] * 5
    spans = queries(sink)
    assert names(spans) == ["FLUSHDB 4", "MULTI 4", "LPUSH 4", *["GET 4"] * 5]
    assert {span["parent_id"] for span in spans} == {f"{request.span_id:016x}"}


def test_a_cluster(start_agent: Start, sink: OtlpSink, tmp_path: Path) -> None:
    with redis_server(tmp_path, "--cluster-enabled", "yes") as port:
        with redis.Redis(port=port) as node:
            node.execute_command("CLUSTER ADDSLOTSRANGE 0 16383")
            eventually(lambda: node.execute_command("CLUSTER INFO")["cluster_state"] == "ok", seconds=20)
        start_agent()
        with redis.cluster.RedisCluster(host="127.0.0.1", port=port) as cluster, served():
            assert cluster.set("a", 1)
            with cluster.pipeline() as pipe:
                assert pipe.get("a").incr("a").execute() == [b"1", 2]
    assert names(queries(sink))[-2:] == ["SET", "PIPELINE"]


def test_sampled_out(start_agent: Start, sink: OtlpSink, client: redis.Redis) -> None:
    start_agent()
    with served(0):
        client.get("a")
        client.pipeline().get("a").execute()
    assert queries(sink) == []


def test_what_the_application_sees_is_unchanged(start_agent: Start, sink: OtlpSink, client: redis.Redis) -> None:
    start_agent()
    assert client.rpush("list", *range(30)) == 30
    assert list(client.scan_iter("li*")) == ["list"]
    assert client.register_script("return ARGV[1]")(args=["s3cret"]) == "s3cret"
    with pytest.raises(redis.ResponseError) as caught:
        client.lset("none", 0, "x")
    assert str(pickle.loads(pickle.dumps(caught.value))) == "no such key"
    spans = queries(sink)
    assert spans[0]["attributes"]["db.query.text"] == "RPUSH" + " ?" * 10 + " …"


def test_what_kombu_asks_of_its_broker_is_no_work_of_the_application(
    start_agent: Start, sink: OtlpSink, client: redis.Redis, redis_port: int
) -> None:
    start_agent()
    with served() as request, kombu.Connection(f"redis://127.0.0.1:{redis_port}/3") as connection:
        with connection.SimpleQueue("orders") as queue:
            queue.put({"order": 7})
            assert queue.get(timeout=5).payload == {"order": 7}
        assert client.ping()
    (ping,) = queries(sink)
    assert (ping["name"], ping["parent_id"]) == ("PING 3", f"{request.span_id:016x}")
