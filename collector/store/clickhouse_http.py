"""ClickHouse's HTTP port: a statement with its data, as bytes, on connections that are kept."""

import http.client
import queue
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from weftline.collector.errors import TryLater
from weftline.collector.settings import ClickHouseSettings
from weftline.collector.store.clickhouse_connections import ON_CLUSTER
from weftline.collector.store.clickhouse_errors import translate


class ClickHouseHttp:
    """At most ``keep`` idle connections; more callers at a time open more. Safe from several threads."""

    def __init__(self, settings: ClickHouseSettings, keep: int = 8) -> None:
        self._settings = settings
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue(keep)

    def post(self, parameters: Mapping[str, str], body: Sequence[bytes | memoryview] = ()) -> bytes:
        """The answer; ``parameters`` are the query and settings. Raises `TryLater` and `BadMessage`.

        May be sent twice where the server closed an idle connection: what writes must bear that.
        """
        s = self._settings
        on_cluster = {name: str(value) for name, value in ON_CLUSTER.items()} if s.cluster else {}
        path = "/?" + urlencode({"database": s.whole, **on_cluster, **parameters})
        headers = {"Content-Length": str(sum(map(len, body)))}
        if s.user != "default" or s.password:
            headers |= {"X-ClickHouse-User": s.user, "X-ClickHouse-Key": s.password}
        connection = self._connection()
        try:
            reused = connection.sock is not None
            try:
                response = self._exchange(connection, path, headers, body)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                if not reused:
                    raise
                # The server closes idle connections; the token makes sending again safe.
                connection.close()
                response = self._exchange(connection, path, headers, body)
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise TryLater(f"ClickHouse at {s.host}:{s.http_port} does not answer: {error!r}") from error
        except BaseException:
            connection.close()
            raise
        if response.status != 200:
            connection.close()  # it may have answered without reading the whole body
            code = int(response.headers.get("X-ClickHouse-Exception-Code") or 0)
            raise translate(code, text.decode("utf-8", "replace"))
        try:
            self._idle.put_nowait(connection)
        except queue.Full:
            connection.close()
        return text

    def close(self) -> None:
        """Let go of idle connections. Calls after it still work; they connect anew."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _connection(self) -> http.client.HTTPConnection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            kind = http.client.HTTPSConnection if self._settings.secure else http.client.HTTPConnection
            return kind(self._settings.host, self._settings.http_port, timeout=self._settings.timeout)

    @staticmethod
    def _exchange(
        connection: http.client.HTTPConnection, path: str, headers: dict[str, str], body: Sequence[bytes | memoryview]
    ) -> http.client.HTTPResponse:
        connection.request("POST", path, body=iter(body), headers=headers, encode_chunked=False)
        return connection.getresponse()
