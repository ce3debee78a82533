"""The collector's options, one frozen dataclass a concern; `weftline.agent.env` reads them from the environment."""

from dataclasses import dataclass
from typing import ClassVar

from weftline.agent.env import option


@dataclass(frozen=True, slots=True)
class ClickHouseSettings:
    """Where ClickHouse is. Inserts go over its HTTP port, everything else over the native port."""

    PREFIX: ClassVar[str] = "WEFTLINE_CLICKHOUSE_"

    host: str = option("127.0.0.1", "Host of the ClickHouse server.")
    http_port: int = option(8123, "Its HTTP port.")
    tcp_port: int = option(9000, "Its native port.")
    database: str = option("weftline", "Database; `weftline migrate` makes it.")
    user: str = option("default", "User name.")
    password: str = option("", "Password.")
    secure: bool = option(False, "TLS on both ports.")
    timeout: float = option(30.0, "Seconds an insert or a query may take.")
    cluster: str = option(
        "", "Name of the cluster (remote_servers) that the host above is a server of; rows are sharded by transaction."
    )
    replicated: bool = option(True, "Tables of a cluster are ReplicatedMergeTree, which needs ClickHouse Keeper.")
    native: bool = option(
        True,
        "Encode spans here, where numba is installed (`weftline[native]`): less CPU, the same rows. false: ClickHouse "
        "decodes them.",
    )

    @property
    def whole(self) -> str:
        """The database in which all rows are: on a cluster that of the tables over all shards."""
        return f"{self.database}_cluster" if self.cluster else self.database


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where Kafka is, if there is one."""

    PREFIX: ClassVar[str] = "WEFTLINE_KAFKA_"

    bootstrap_servers: tuple[str, ...] = option(
        (),
        "host:port,… of the brokers. Unset: direct mode, the edge answers when the rows are in ClickHouse.",
    )
    group_id: str = option("weftline-ingest", "Consumer group of the ingest processes.")
    partitions: int = option(3, "Partitions of a topic that has to be created.")
    replication_factor: int = option(1, "Replicas of a topic that has to be created.")


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """The receiving process."""

    PREFIX: ClassVar[str] = "WEFTLINE_EDGE_"

    host: str = option("127.0.0.1", "Address to listen on.")
    http_port: int = option(4318, "Port of OTLP/HTTP, Zipkin, Jaeger, /health and /metrics.")
    grpc_port: int = option(4317, "Port of OTLP/gRPC.")
    max_request_bytes: int = option(16 * 1024 * 1024, "Largest request, after decompression.")
    max_pending_bytes: int = option(
        128 * 1024 * 1024, "Bytes accepted and not yet durable; beyond it senders are told to come back."
    )
    max_request_items: int = option(100_000, "Most spans or log records of a request.")
    max_header_bytes: int = option(32 * 1024, "Largest HTTP request line and headers, or gRPC metadata.")
    max_bytes_per_second: int = option(
        0, "Bytes a second that one sender (its address) may send before it is told to come back. 0: no limit."
    )
    read_timeout: float = option(30.0, "Seconds that an HTTP request's headers, and then its body, may take to arrive.")
    cors_allowed_origins: tuple[str, ...] = option(
        (),
        "Origins of web pages that may send here, comma separated: https://shop.example, https://*.shop.example or *.",
    )
    max_backlog_bytes: int = option(
        64 * 1024 * 1024, "Access logs of gRPC streams (ALS) that may wait; beyond it they are dropped and counted."
    )
    direct_linger: float = option(0.1, "Direct mode: seconds that requests wait to share one insert.")


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Who may send to the edge and ask the query service."""

    PREFIX: ClassVar[str] = "WEFTLINE_ACCESS_"

    tokens_file: str = option("", "File of bearer tokens, made by `weftline token new`; read again when it changes.")
    trusted_proxies: tuple[str, ...] = option(
        (), "Networks (10.0.0.7/32,…) of authenticating proxies, whose headers say who the user is."
    )
    user_header: str = option("x-forwarded-user", "Header with the user's name, from a trusted proxy.")
    groups_header: str = option("x-forwarded-groups", "Header with the user's groups, comma separated.")
    tenant_header: str = option("", "Header with the user's tenant; empty: all users of the proxies are of no tenant.")
    tenant_group_prefix: str = option("", "Groups that begin so name a tenant with the rest: tenant- or /tenants/.")
    reader_groups: tuple[str, ...] = option((), "Groups that may read. Empty: every user may.")
    writer_groups: tuple[str, ...] = option((), "Groups that may send.")
    admin_groups: tuple[str, ...] = option((), "Groups that may do both for every tenant (header X-Scope-OrgID).")
    sign_out_url: str = option(
        "", "Address at which users of the proxies sign out, such as /oauth2/sign_out; empty: the pages have no link."
    )
    open: bool = option(False, "true: anybody may all, also where a service listens on more than loopback.")


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """The process that moves Kafka's messages into ClickHouse."""

    PREFIX: ClassVar[str] = "WEFTLINE_INGEST_"

    host: str = option("127.0.0.1", "Address of /health and /metrics.")
    metrics_port: int = option(9464, "Port of /health and /metrics.")
    batch_bytes: int = option(30 * 1024 * 1024, "Bytes of messages an insert takes at the most.")
    access_log_topics: tuple[str, ...] = option(
        (), "Topics of access log lines that Fluent Bit, Vector or another log shipper writes, one line a message."
    )
    batch_seconds: float = option(1.0, "Seconds after which a smaller batch is inserted too.")


@dataclass(frozen=True, slots=True)
class ScrapeSettings:
    """The process that reads Envoys' stats."""

    PREFIX: ClassVar[str] = "WEFTLINE_SCRAPE_"

    targets: tuple[str, ...] = option(
        (), "host:port,… of the proxies' admin or stats ports (Istio: 15090); NODE_ID=host:port names one that can't."
    )
    targets_file: str = option(
        "", "More of them in Prometheus' file_sd format (JSON or YAML); read again when it changes."
    )
    interval: float = option(15.0, "Seconds between looks at a proxy.")
    timeout: float = option(5.0, "Seconds a proxy may take to answer.")
    tenant: str = option("", "Whose proxies they are, where tenants are told apart.")
    host: str = option("127.0.0.1", "Address of /health and /metrics.")
    metrics_port: int = option(9465, "Port of /health and /metrics.")


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """How long rows are kept: whole days by the time of the rows, 0 for ever."""

    PREFIX: ClassVar[str] = "WEFTLINE_RETENTION_"

    spans_days: int = option(0, "Days that spans are kept. 0, here and below: for ever.")
    logs_days: int = option(0, "Days that log lines are kept.")
    access_logs_days: int = option(0, "Days that access logs are kept.")
    failed_days: int = option(0, "Days that all rows of a failed transaction are kept, if that is longer.")
    slow_days: int = option(0, "Days that all rows of a slow transaction are kept, if that is longer.")
    slow_seconds: float = option(0.0, "From which duration on a transaction is slow. 0: none is.")
    events_days: int = option(0, "Days that the mesh's events are kept.")
    metrics_days: int = option(0, "Days that rates, errors, durations and proxies' stats are kept.")
    edges_days: int = option(0, "Days for which it is known who called whom; 8 bytes a span and 12 a call.")
