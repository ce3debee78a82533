"""What `weftline up` runs: ClickHouse, Kafka if asked for, and our own processes, in the order they need each other.

    ClickHouse → Kafka → migrate (once) → ingest (with Kafka) → edge → query

Our processes get their settings as environment variables, as they do everywhere else.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from weftline.collector.errors import Misconfigured

from .clickhouse import ClickHouse
from .kafka import Kafka, fetch_jars
from .ports import HOST, choose_port, free_port, http_get, is_free, listens
from .process import Process, ProcessDied
from .supervise import Report, State, Supervisor

EDGE_HTTP_PORT = 4318
EDGE_GRPC_PORT = 4317
INGEST_METRICS_PORT = 9464
QUERY_PORT = 16686
QUERY_GRPC_PORT = 16685
SCRAPE_SECONDS = 5
MIGRATE_SECONDS = 60
OWN_KAFKA = "local"


@dataclass(frozen=True, slots=True)
class Options:
    """``kafka``: None for direct mode, `OWN_KAFKA` for one of our own, else host:port,… of one that exists.

    A port that is None is the default one if that is free, else any free one.
    """

    data: Path
    kafka: str | None = None
    http_port: int | None = None
    grpc_port: int | None = None
    query_port: int | None = None


class Stack:
    """The running stack; `start`, then `check` a few times a second, then `stop`, all from the main thread.

    `start` raises `Misconfigured` or `ProcessDied`; `stop` is to be called after that too.
    """

    def __init__(self, options: Options, report: Report) -> None:
        self.options = options
        self.supervisor = Supervisor(report)
        self.clickhouse = ClickHouse(options.data / "clickhouse")
        self.kafka_servers = ""
        """host:port,…; empty in direct mode"""
        self.http_port = 0
        self.grpc_port = 0
        self.query_port = 0
        self.query_grpc_port = 0
        self._report = report

    @property
    def otlp_endpoint(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://{HOST}:{self.http_port}"

    @property
    def query_url(self) -> str:
        return f"http://{HOST}:{self.query_port}"

    def start(self) -> None:
        options = self.options
        self.http_port = choose_port(options.http_port, EDGE_HTTP_PORT, "The edge")
        self.grpc_port = choose_port(options.grpc_port, EDGE_GRPC_PORT, "The edge")
        self.query_port = choose_port(options.query_port, QUERY_PORT, "The query service")
        self.query_grpc_port = choose_port(None, QUERY_GRPC_PORT, "Jaeger's gRPC API")
        self.supervisor.start(self.clickhouse)
        self._start_kafka()
        metrics_port = choose_port(None, INGEST_METRICS_PORT, "ingest")
        env = self._environment(metrics_port)
        self._migrate(env)
        if self.kafka_servers:
            self.supervisor.start(self._own("ingest", ["weftline.collector", "ingest"], env, metrics_port))
        self.supervisor.start(self._own("edge", ["weftline.collector", "edge"], env, self.http_port))
        self._start_query(env)

    def scrape(self, targets: Sequence[str]) -> None:
        """Read the stats of the Envoys whose admin ports are ``targets`` (host:port) as long as the stack runs."""
        metrics_port = free_port()
        env = {
            **self._environment(0),
            "WEFTLINE_SCRAPE_TARGETS": ",".join(targets),
            "WEFTLINE_SCRAPE_INTERVAL": str(SCRAPE_SECONDS),
            "WEFTLINE_SCRAPE_METRICS_PORT": str(metrics_port),
        }
        module = ["weftline.query.cli", "mesh", "scrape"]
        self.supervisor.start(self._own("scrape", module, env, metrics_port))

    def check(self) -> None:
        """Start again what has died; `ProcessDied` when a part is given up."""
        self.supervisor.check()

    def stop(self) -> None:
        self.supervisor.stop()

    def _start_kafka(self) -> None:
        kafka = self.options.kafka
        if kafka == OWN_KAFKA:
            self._report("Kafka", State.STARTING, "")
            try:
                fetch_jars()
            except Misconfigured as error:
                self._report("Kafka", State.LEFT_OUT, f"{error} Going on without Kafka: the edge writes to ClickHouse.")
                return
            broker = Kafka(self.options.data / "kafka")
            self.supervisor.start(broker)
            self.kafka_servers = broker.bootstrap_servers
        elif kafka:
            if not any(_listens(server) for server in kafka.split(",")):
                raise Misconfigured(f"No Kafka answers at {kafka}.")
            self.kafka_servers = kafka

    def _start_query(self, env: Mapping[str, str]) -> None:
        query = self._own("query", ["weftline.query"], env, self.query_port)
        try:
            self.supervisor.start(query)
        except ProcessDied as error:
            ports = {self.query_port: "The query service", self.query_grpc_port: "Jaeger's gRPC API"}
            taken = next((port for port in ports if not query.running and not is_free(port)), None)
            if taken is None:
                raise
            raise Misconfigured(
                f"{ports[taken]} can't listen on {HOST}:{taken}: another process took the port a moment ago. "
                "Start again."
            ) from error

    def _migrate(self, env: Mapping[str, str]) -> None:
        migrate = self._own("migrate", ["weftline.collector", "migrate"], env, None)
        self._report(migrate.name, State.STARTING, "")
        try:
            migrate.start()
            code = migrate.wait(MIGRATE_SECONDS)
        finally:
            migrate.stop()
        if code != 0:
            raise ProcessDied(f"The schema can't be brought up to date. The end of {migrate.log}:\n{migrate.tail()}")
        self._report(migrate.name, State.READY, "")

    def _environment(self, metrics_port: int) -> dict[str, str]:
        return {
            "WEFTLINE_CLICKHOUSE_HOST": HOST,
            "WEFTLINE_CLICKHOUSE_HTTP_PORT": str(self.clickhouse.http_port),
            "WEFTLINE_CLICKHOUSE_TCP_PORT": str(self.clickhouse.tcp_port),
            "WEFTLINE_KAFKA_BOOTSTRAP_SERVERS": self.kafka_servers,  # empty is unset: nothing from outside leaks in
            "WEFTLINE_EDGE_HOST": HOST,
            "WEFTLINE_EDGE_HTTP_PORT": str(self.http_port),
            "WEFTLINE_EDGE_GRPC_PORT": str(self.grpc_port),
            "WEFTLINE_INGEST_METRICS_PORT": str(metrics_port),
            "WEFTLINE_QUERY_HOST": HOST,
            "WEFTLINE_QUERY_PORT": str(self.query_port),
            "WEFTLINE_QUERY_GRPC_PORT": str(self.query_grpc_port),
        }

    def _own(self, name: str, module: Sequence[str], env: Mapping[str, str], health_port: int | None) -> Process:
        """A process of ours; ready when /health on ``health_port`` answers 200."""
        return Process(
            name,
            # -P: the working directory is a data folder, not a place to import from
            [sys.executable, "-P", "-m", *module],
            log=self.options.data / "log" / f"{name}.log",
            ready=lambda: health_port is None or http_get(health_port, "/health")[0] == 200,
            env=env,
        )


def _listens(server: str) -> bool:
    host, _, port = server.strip().rpartition(":")
    if not host or not port.isdigit():
        raise Misconfigured(f"--kafka takes host:port, not {server!r}.")
    return listens(int(port), host)
