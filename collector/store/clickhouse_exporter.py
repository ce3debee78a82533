"""`Exporter` over ClickHouse's native port: rows of a day as they are stored, block by block."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store import statements
from weftline.collector.store.clickhouse_connections import connect, executing
from weftline.collector.store.exporter import Selection
from weftline.collector.store.tenants import only

_SETTINGS: Final = {"max_block_size": 4096, "optimize_read_in_order": 1, "readonly": 2}


class ClickHouseExporter:
    """See `Exporter` for what it owes; it sees the rows of ``tenant``. A connection a call."""

    def __init__(self, settings: ClickHouseSettings, tenant: str = "") -> None:
        self._settings = settings
        self._tenant = tenant

    def resolve(self, any_id: str) -> Sequence[str]:
        ids = [id_ for (id_,) in self._rows("resolve", {"id": any_id})]
        linked = self._rows("linked", {"ids": ids}) if ids else iter(())
        return list(dict.fromkeys([*ids, *(id_ for _, id_ in linked)]))

    def days(self, table: str, selection: Selection) -> Sequence[tuple[str, int]]:
        return list(self._selected("export_days", selection, table=table))

    def rows(self, table: str, day: str, selection: Selection) -> Iterator[tuple[Any, ...]]:
        return self._selected(f"export_{table}", selection, day=day)

    def _selected(
        self, name: str, selection: Selection, *, table: str = "", day: str = ""
    ) -> Iterator[tuple[Any, ...]]:
        selected = [
            *([statements.read("export_selected", statements.OF_SEVERAL).strip()] if selection.ids else []),
            *([statements.read("export_of_services").strip()] if selection.services else []),
        ]
        sql = statements.read(name).replace("$SELECTED", " AND ".join(selected) or "true").replace("$TABLE", table)
        parameters = {"since": selection.since, "until": selection.until, "day": day}
        return self._execute(sql, {**parameters, "ids": list(selection.ids), "services": list(selection.services)})

    def _rows(self, name: str, parameters: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        return self._execute(statements.read(name, statements.OF_SEVERAL), parameters)

    def _execute(self, sql: str, parameters: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        with executing(self._settings), connect(self._settings) as client:
            limits = {**_SETTINGS, **only(self._tenant, self._settings, sql)}
            yield from client.execute_iter(sql, parameters, settings=limits)
