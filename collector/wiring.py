"""Puts the parts together, one function a process. The only module that knows every implementation."""

import asyncio
import functools
import logging
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import uvicorn
import uvloop
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest, start_http_server

from weftline.agent.env import read
from weftline.collector.access.gate import Access
from weftline.collector.access.identity import is_tenant
from weftline.collector.bus.direct import DirectBus
from weftline.collector.bus.kafka import KafkaBus, connect_producer
from weftline.collector.bus.protocol import Bus
from weftline.collector.bus.topics import MAX_MESSAGE_BYTES, create_topics, topics
from weftline.collector.edge import envoy_als, http_protocol, jaeger_http, otlp_grpc, otlp_http, zipkin_http
from weftline.collector.edge.admission import Admission, RateLimit
from weftline.collector.edge.cors import Cors
from weftline.collector.edge.http_app import HttpApp
from weftline.collector.edge.otlp import MetricsRefusal, Receiver
from weftline.collector.errors import Misconfigured, TryLater
from weftline.collector.ingest.deadletter import DeadLetters
from weftline.collector.ingest.journal import JournaledStore
from weftline.collector.ingest.replay import DeadLetterBox
from weftline.collector.ingest.worker import Worker, connect_consumer
from weftline.collector.lifecycle import stop_on_signals, wait_for
from weftline.collector.scrape.targets import Targets
from weftline.collector.scrape.worker import Worker as Scraper
from weftline.collector.settings import (
    AccessSettings,
    ClickHouseSettings,
    EdgeSettings,
    IngestSettings,
    KafkaSettings,
    RetentionSettings,
    ScrapeSettings,
)
from weftline.collector.store.backfill import Backfill
from weftline.collector.store.clickhouse_exporter import ClickHouseExporter
from weftline.collector.store.clickhouse_journal import ClickHouseJournal
from weftline.collector.store.clickhouse_known_rows import ClickHouseKnownRows
from weftline.collector.store.clickhouse_proxy_stats import ClickHouseProxyStats
from weftline.collector.store.clickhouse_writer import ClickHouseWriter
from weftline.collector.store.cluster import one_a_shard
from weftline.collector.store.exporter import Exporter
from weftline.collector.store.migrate import migrate
from weftline.collector.store.native.start import start_encoder
from weftline.collector.store.retention import Done, days_kept, retain
from weftline.collector.tail import positions
from weftline.collector.tail.collect import Refused, collect
from weftline.collector.tail.follow import Follower
from weftline.collector.tail.send import OtlpSender
from weftline.collector.transfer.load import Loader

logger = logging.getLogger(__name__)

Environ = Mapping[str, str]

_DAY_SECONDS = 86_400
_DRAIN_SECONDS = 10
"""How long requests that are under way when the edge is told to stop may take."""


def run_migrate(environ: Environ) -> list[str]:
    return migrate(read(ClickHouseSettings, environ))


def run_retain(environ: Environ, *, dry_run: bool = False) -> list[Done]:
    return retain(
        read(ClickHouseSettings, environ), read(RetentionSettings, environ), datetime.now(UTC).date(), dry_run=dry_run
    )


def _retain_daily(environ: Environ, stop: threading.Event) -> None:
    """Lets go of old rows now and every day, on a thread of its own; several processes may do it."""
    if not any(days_kept(read(RetentionSettings, environ)).values()):
        return

    def run() -> None:
        while not stop.is_set():
            seconds = _DAY_SECONDS
            try:
                run_retain(environ)
            except TryLater as error:
                seconds = 300
                logger.warning("Could not let go of old rows yet, will try again seconds=%d: %s", seconds, error)
            stop.wait(seconds)

    _in_background("retain", run)


def _in_background(name: str, work: Callable[[], object]) -> None:
    threading.Thread(target=work, name=name, daemon=True).start()


def run_edge(environ: Environ) -> None:
    settings = read(EdgeSettings, environ)
    if settings.max_request_bytes >= MAX_MESSAGE_BYTES:
        raise Misconfigured(f"WEFTLINE_EDGE_MAX_REQUEST_BYTES must stay below {MAX_MESSAGE_BYTES}.")
    kafka, clickhouse = read(KafkaSettings, environ), read(ClickHouseSettings, environ)
    access = Access.of(read(AccessSettings, environ))
    access.require(settings.host, "The edge")
    stop = stop_on_signals()
    make_bus: Callable[[], Bus]
    if kafka.bootstrap_servers:
        make_bus = functools.partial(wait_for, "Kafka", lambda: KafkaBus(kafka), stop)
    else:
        _retain_daily(environ, stop)
        writer = ClickHouseWriter(clickhouse, spans=start_encoder(wanted=clickhouse.native))
        store = JournaledStore(writer, ClickHouseJournal(clickhouse))
        _in_background("journal", functools.partial(wait_for, "ClickHouse", store.bring_all_to_their_end, stop))
        make_bus = functools.partial(DirectBus, store, writer.check, linger=settings.direct_linger)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve_edge(settings, make_bus(), access))


async def _serve_edge(settings: EdgeSettings, bus: Bus, access: Access) -> None:
    admission = Admission(settings.max_pending_bytes)
    rate, metrics = RateLimit(settings.max_bytes_per_second, time.monotonic), MetricsRefusal()

    def receiver(protocol: str) -> Receiver:
        return Receiver(bus, admission, protocol, settings.max_request_items)

    try:
        grpc_server, _ = otlp_grpc.create_server(
            receiver("otlp_grpc"),
            f"{settings.host}:{settings.grpc_port}",
            max_request_bytes=settings.max_request_bytes,
            max_header_bytes=settings.max_header_bytes,
            rate=rate,
            metrics=metrics,
            access=access,
        )
    except RuntimeError as error:
        raise Misconfigured(f"Can't listen on {settings.host}:{settings.grpc_port} (OTLP/gRPC): {error}") from error
    app = HttpApp(
        {
            **otlp_http.routes(receiver("otlp_http"), metrics),
            **zipkin_http.routes(receiver("zipkin")),
            **jaeger_http.routes(receiver("jaeger")),
        },
        bus,
        admission,
        rate,
        Cors(settings.cors_allowed_origins),
        max_request_bytes=settings.max_request_bytes,
        read_seconds=settings.read_timeout,
        access=access,
    )
    access_logs = envoy_als.Backlog(bus, max_bytes=settings.max_backlog_bytes)
    streams = envoy_als.AccessLogService(access_logs.put, access)
    grpc_server.add_generic_rpc_handlers((streams.handler(),))
    http = uvicorn.Server(
        uvicorn.Config(
            app,
            http=http_protocol.limited(settings.max_header_bytes, settings.read_timeout),
            host=settings.host,
            port=settings.http_port,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # who is trusted to name a client is `access`'s to say
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
    )
    listener = _listen(settings.host, settings.http_port, "OTLP/HTTP")
    await grpc_server.start()
    logger.info(
        "The edge is listening host=%s http_port=%d grpc_port=%d bus=%s.",
        settings.host, settings.http_port, settings.grpc_port, type(bus).__name__,
    )  # fmt: skip
    # Uvicorn stops on a signal and raises it again afterwards; by then it must find a handler that lets us finish.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    await http.serve(sockets=[listener])
    stopping = asyncio.create_task(grpc_server.stop(grace=_DRAIN_SECONDS))
    await asyncio.sleep(0.2)  # what is on its way in streams
    streams.end_streams()
    await stopping
    await access_logs.close(_DRAIN_SECONDS)
    await bus.close()
    logger.info("The edge has stopped; everything it accepted is handed over.")


def run_ingest(environ: Environ) -> None:
    settings, kafka = read(IngestSettings, environ), _kafka(environ)
    if taken := set(settings.access_log_topics) & set(topics()):
        raise Misconfigured(f"WEFTLINE_INGEST_ACCESS_LOG_TOPICS names a topic that holds no lines: {sorted(taken)}.")
    clickhouse = read(ClickHouseSettings, environ)
    stop = stop_on_signals()
    writer = ClickHouseWriter(clickhouse, spans=start_encoder(wanted=clickhouse.native))
    checks = [writer.check, _waiting_for_kafka]
    _serve_metrics(settings.host, settings.metrics_port, lambda: [check() for check in checks])
    wait_for("Kafka", lambda: create_topics(kafka), stop)
    producer = wait_for("Kafka", lambda: connect_producer(kafka), stop)
    instance = re.sub(r"[^A-Za-z0-9._-]", "_", f"{socket.gethostname()}-{settings.metrics_port}")
    worker = Worker(
        connect=lambda: connect_consumer(kafka, instance),
        writer=writer,
        dead_letters=DeadLetters(producer),
        settings=settings,
        stop=stop,
    )
    checks[-1] = worker.check
    _retain_daily(environ, stop)
    logger.info("Ingest is consuming group=%s.", kafka.group_id)
    worker.run()
    producer.close(10)
    logger.info("Ingest has stopped; everything it read is stored or will be read again.")


def _waiting_for_kafka() -> None:
    raise TryLater("Ingest has not found Kafka yet.")


def open_dead_letters(environ: Environ) -> DeadLetterBox:
    """What was put aside, for `weftline dlq`; raises `TryLater` while Kafka is away."""
    return DeadLetterBox(_kafka(environ))


def _kafka(environ: Environ) -> KafkaSettings:
    kafka = read(KafkaSettings, environ)
    if not kafka.bootstrap_servers:
        raise Misconfigured("WEFTLINE_KAFKA_BOOTSTRAP_SERVERS is not set. Without Kafka the edge stores by itself.")
    return kafka


@dataclass(frozen=True, slots=True)
class OpenLoader:
    """What `weftline import` stores with."""

    loader: Loader
    close: Callable[[], None]


def open_loader(environ: Environ, refuse: Callable[[str, str], None], tenant: str) -> OpenLoader:
    """Straight into ClickHouse, whether there is a Kafka or not; raises `TryLater` while it is away."""
    clickhouse = read(ClickHouseSettings, environ)
    writer, known = ClickHouseWriter(clickhouse), ClickHouseKnownRows(clickhouse, _tenant(tenant))
    writer.check()

    def close() -> None:
        writer.close()
        known.close()

    return OpenLoader(Loader(writer, known, refuse, tenant=tenant), close)


def open_exporter(environ: Environ, tenant: str) -> Exporter:
    """What `weftline export` reads from: the rows of ``tenant``."""
    return ClickHouseExporter(read(ClickHouseSettings, environ), _tenant(tenant))


def _tenant(name: str) -> str:
    if not is_tenant(name):
        raise Misconfigured(f"{name!r} is no tenant's name: up to 64 letters, digits, dots, dashes and underscores.")
    return name


def open_backfills(environ: Environ) -> list[Backfill]:
    """One a shard: a transaction's rows, and what is derived of them, are on one."""
    clickhouse = read(ClickHouseSettings, environ)
    return [Backfill(server) for server in one_a_shard(clickhouse)]


def run_collect_logs(
    files: Sequence[str],
    *,
    endpoint: str,
    token: str,
    position_file: Path,
    refused_file: Path,
    resource: Mapping[str, str],
    skip_old: bool,
    once: bool,
    metrics_port: int | None,
) -> None:
    stop = stop_on_signals()
    if metrics_port is not None:
        try:
            start_http_server(metrics_port, "127.0.0.1")
        except OSError as error:
            raise Misconfigured(f"Can't listen on 127.0.0.1:{metrics_port} (/metrics): {error}") from error
    for path in (position_file, refused_file):
        if not path.absolute().parent.is_dir():
            raise Misconfigured(f"There is no folder {path.absolute().parent} for {path.name}.")
    follower = Follower(files, positions.load(position_file), skip_old=skip_old)
    logger.info("Collecting access logs files=%s endpoint=%s.", ",".join(files), endpoint)
    collect(
        follower,
        OtlpSender(endpoint, token=token).send_until_taken,
        Refused(refused_file),
        position_file,
        stop,
        resource=resource,
        once=once,
    )
    follower.close()


def run_scrape(environ: Environ, targets: Sequence[str] = (), *, once: bool = False) -> int:
    """Look at proxies' stats, once or until told to stop; returns how many answered at the last look.

    ``targets`` besides those of the settings.
    """
    settings = read(ScrapeSettings, environ)
    if not is_tenant(settings.tenant):
        raise Misconfigured(f"WEFTLINE_SCRAPE_TENANT={settings.tenant!r} is no tenant's name.")
    store = ClickHouseProxyStats(read(ClickHouseSettings, environ), settings.tenant)
    worker = Scraper(Targets((*settings.targets, *targets), settings.targets_file), store, timeout=settings.timeout)
    if once:
        store.check()
        return worker.look()
    stop = stop_on_signals()
    _serve_metrics(settings.host, settings.metrics_port, store.check)
    logger.info("Looking at the proxies' stats interval=%.0f.", settings.interval)
    worker.run(settings.interval, stop)
    logger.info("No longer looking at the proxies' stats.")
    return 0


def _serve_metrics(host: str, port: int, check: Callable[[], object]) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content_type, body = (
                404,
                "text/plain",
                b"Nothing is here. There are /health and /metrics.\n",
            )
            if self.path == "/metrics":
                status, content_type, body = 200, CONTENT_TYPE_LATEST, generate_latest()
            elif self.path == "/health":
                try:
                    check()
                    status, content_type, body = 200, "application/json", b'{"status": "ok"}'
                except TryLater as error:
                    status, body = 503, f"{error}\n".encode()
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden method's name
            logger.debug(format, *args)

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise Misconfigured(f"Can't listen on {host}:{port} (/metrics): {error}") from error
    _in_background("metrics", server.serve_forever)


def _listen(host: str, port: int, what: str) -> socket.socket:
    """A listening socket, or a sentence that says which port is taken (uvicorn would exit by itself)."""
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise Misconfigured(f"Can't listen on {host}:{port} ({what}): {error}") from error
