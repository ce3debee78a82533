"""What is written down of a look-up, and the table that it may be written to."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import connect, executing


@dataclass(frozen=True, slots=True)
class LookUp:
    """One request for rows, answered or refused."""

    time: int
    """ns since the epoch, when it came"""
    who: str
    """the token's name or the user's; '' for nobody known"""
    tenant: str
    peer: str
    """address of the connection"""
    forwarded_for: str
    """whom a trusted proxy asked for"""
    protocol: str
    """http or grpc"""
    method: str
    path: str
    """what was asked, with the id if it is a look-up; of a gRPC call its full name"""
    query: str
    """parameters; of a gRPC call its request as JSON"""
    status: str
    """HTTP status code or name of the gRPC status"""
    rows: int
    """that the store gave for the answer"""
    duration: float
    """ms"""


def store_lookups(settings: ClickHouseSettings, lookups: Sequence[LookUp]) -> None:
    """Raises `TryLater`. A connection a call: calls are seconds apart."""
    rows = [(datetime.fromtimestamp(it.time / 1e9, UTC), *astuple(it)[1:]) for it in lookups]
    with executing(settings), connect(settings) as client:
        client.execute(statements.text("insert/lookups.sql"), rows)
