"""Asks the query service. Standard library only: `weftline tx` should start at once, anywhere."""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Final

DEFAULT_URL: Final = "http://127.0.0.1:16686"
TOKEN: Final[ContextVar[str]] = ContextVar("weftline_token", default="")
"""Sent with every request, if there is one."""
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
LEAST_WAIT: Final = 0.5
MOST_WAIT: Final = 15.0
"""s before another try to go on; twice as long each time."""
LOST: Final = "weftline: The connection is lost. Trying again; what happens meanwhile is told then."


class LookUpError(Exception):
    """There is no answer to show; the text tells the user why, the class what kind of why."""


class UnknownIdError(LookUpError):
    """No transaction is known under the id."""


class RefusedError(LookUpError):
    """The service says that this can't be an id, or can't be answered as it was asked."""


class NotAllowedError(LookUpError):
    """The service wants a token, or another one."""


class UnreachableError(LookUpError):
    """Nothing that is weftline answers at the URL, or it can't answer now."""


def fetch(any_id: str, url: str = DEFAULT_URL, *, timeout: float = 30.0) -> dict[str, Any]:
    """The JSON of ``GET {url}/api/v1/transactions/{any_id}``; ``timeout`` in seconds. Raises `LookUpError`."""
    return get(f"/api/v1/transactions/{urllib.parse.quote(any_id, safe='')}", url, holds="entries", timeout=timeout)


def get(
    path: str,
    url: str = DEFAULT_URL,
    parameters: Mapping[str, object] | None = None,
    *,
    holds: str,
    timeout: float = 30.0,
) -> dict[str, Any]:
    """The JSON object at ``path``, which has the key ``holds``. Raises `LookUpError`.

    Of ``parameters`` a sequence is repeated, an empty one or '' left out.
    """
    try:
        with _open(path, url, parameters, timeout) as response:
            answer = json.load(response)
    except (OSError, http.client.HTTPException) as error:
        raise _away(url, error) from error
    except ValueError as error:
        raise _stranger(url) from error
    if not isinstance(answer, dict) or holds not in answer:
        raise _stranger(url)
    return answer


def follow(
    path: str, url: str = DEFAULT_URL, parameters: Mapping[str, object] | None = None, *, timeout: float = 60.0
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The Server-Sent Events at ``path``: name and JSON of each, as they come, without end.

    Where the service ends an answer, since its time is over, or the connection breaks, another goes on behind the last
    event; of a broken one `lost` is told. ``timeout`` in seconds is for silence; the service breaks it every 15 s.
    Raises `LookUpError` where nothing answers at first, and where it is refused, also by and by.
    """
    last = ""
    failures = 0
    while True:
        try:
            with _open(path, url, parameters, timeout, last) as response:
                if response.headers.get_content_type() != "text/event-stream":
                    raise _stranger(url)
                for name, data, identity in _events(response):
                    last = identity or last
                    failures = 0
                    if name == "end" and data.get("denied"):
                        raise NotAllowedError(f"weftline at {url} tells no more: {data['reason']}")
                    if name == "end":
                        break
                    if name:
                        yield name, data
                else:
                    raise ConnectionError("it was closed")
        except (OSError, http.client.HTTPException, UnreachableError) as error:
            if not last:
                raise error if isinstance(error, LookUpError) else _away(url, error) from error
            if not failures:
                yield "lost", {"reason": str(getattr(error, "reason", error))}
            time.sleep(min(LEAST_WAIT * 2**failures, MOST_WAIT))
            failures += 1


def _events(response: Iterable[bytes]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Name, JSON and id of each; where one has none, ''. What has no name is a sign of life."""
    name, data, identity = "", "{}", ""
    for line in response:
        field, _, value = line.decode().rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                name = value
            case "data":
                data = value
            case "id":
                identity = value
            case "" if not value:
                yield name, json.loads(data), identity
                name, data, identity = "", "{}", ""


def _open(path: str, url: str, parameters: Mapping[str, object] | None, timeout: float, last_event_id: str = "") -> Any:
    """The response, open. Raises `LookUpError` for one that is none."""
    query = urllib.parse.urlencode({name: it for name, it in (parameters or {}).items() if it}, doseq=True)
    address = f"{url.rstrip('/')}{path}" + (f"?{query}" if query else "")
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UnreachableError(f"{url!r} is no http:// or https:// URL.")
    # A proxy configured for the outside world can't reach this machine's loopback.
    handlers = [urllib.request.ProxyHandler({})] if parts.hostname in LOOPBACK else []
    try:
        request = urllib.request.Request(address)  # noqa: S310 - http or https, as checked above
        if last_event_id:
            request.add_header("Last-Event-ID", last_event_id)
        if token := TOKEN.get():
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        return urllib.request.build_opener(*handlers).open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(url, error.code, error.read()) from error


def _away(url: str, error: Exception) -> UnreachableError:
    reason = getattr(error, "reason", error)
    return UnreachableError(
        f"weftline doesn't answer at {url}: {reason}. Start it with `weftline up`, or say where it is with "
        "--url or WEFTLINE_URL."
    )


def _refusal(url: str, status: int, body: bytes) -> LookUpError:
    try:
        message = str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return _stranger(url, status)
    match status:
        case 404:
            return UnknownIdError(message)
        case 400:
            return RefusedError(message)
        case 401:
            return NotAllowedError(f"weftline at {url} wants a token: {message} Say it with --token or WEFTLINE_TOKEN.")
        case 403:
            return NotAllowedError(f"weftline at {url} refuses: {message}")
        case _:
            return UnreachableError(f"weftline at {url} can't answer now (HTTP {status}): {message}")


def _stranger(url: str, status: int | None = None) -> UnreachableError:
    answered = f" (HTTP {status})" if status else ""
    return UnreachableError(
        f"What answers at {url}{answered} is not weftline's query service. Say where that is with --url or "
        "WEFTLINE_URL."
    )
