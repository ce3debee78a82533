from support.asgi import call
from support.rows import RowsReader, RowsSearcher
from weftline.query.app import create_app
from weftline.query.settings import QuerySettings


def test_health_asks_the_store() -> None:
    reader = RowsReader()
    app = create_app(reader, RowsSearcher(), QuerySettings())
    assert (call(app, "/health").status_code, call(app, "/health").json()) == (
        200,
        {"status": "ok", "checks": {"store": "ok"}},
    )
    reader.away = "ClickHouse does not answer."
    answer = call(app, "/health")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "checks": {"store": "ClickHouse does not answer."}}
