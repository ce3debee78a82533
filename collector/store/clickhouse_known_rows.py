"""What is stored already of rows that are about to be imported; over ClickHouse's native port."""

from collections.abc import Collection
from typing import Any, Final

from clickhouse_driver import Client

from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import connect, executing
from weftline.collector.store.tenants import only

_BYTES: Final = {"strings_as_bytes": True}  # of the driver: ids and texts as they lie in the store


class ClickHouseKnownRows:
    """Keys of stored rows, columns as in `read/known_<table>.sql`: ids as numbers, texts as bytes. One thread calls it.

    Asked for the transactions ``ids`` (16 bytes each) and rows of times from ``since`` to ``until`` (ns, both within).
    Of ``tenant``'s rows. Raises `TryLater`.
    """

    def __init__(self, settings: ClickHouseSettings, tenant: str = "") -> None:
        self._settings = settings
        self._tenant = tenant
        self._client: Client | None = None

    def rows(self, table: str, ids: Collection[bytes], since: int, until: int) -> list[tuple[Any, ...]]:
        if not ids:
            return []
        wanted = {"name": "ids", "structure": [("id", "FixedString(16)")], "data": [{"id": it} for it in ids]}
        sql = statements.read(f"known_{table}")
        with executing(self._settings):
            client = self._client or connect(self._settings)
            self._client = None  # put back when the answer is whole
            try:
                rows: list[tuple[Any, ...]] = client.execute(
                    sql,
                    {"since": since, "until": until},
                    external_tables=[wanted],
                    settings={**_BYTES, **only(self._tenant, self._settings, sql)},
                )
            except BaseException:
                client.disconnect()
                raise
            self._client = client
        return rows

    def close(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client = None
