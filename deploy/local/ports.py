"""Ports on the loopback interface: which are free, and does anybody answer on one.

There is a moment between choosing a free port and the child's listening on it. A port that was chosen is therefore
kept from every other process that chooses here, until the one that chose it ends; a child that loses its port to a
stranger in that moment dies and says so, and is started again.
"""

import fcntl
import http.client
import os
import secrets
import socket
from functools import cache

from weftline.collector.errors import Misconfigured

from .cache import cache_folder

HOST = "127.0.0.1"
UNPRIVILEGED = 20_000
"""Below it are the ports that well-known servers use."""
EPHEMERAL = 32_768
"""Where Linux begins to choose ports of outgoing connections (net.ipv4.ip_local_port_range); others begin higher."""


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is no obstacle
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port nobody listens on and nobody else was given, below those that the system gives to outgoing connections.

    This process never gets it twice, not even when its server has ended: another may still try to reach that one.
    """
    chosen = _chosen()
    if len(chosen) > (EPHEMERAL - UNPRIVILEGED) // 2:
        chosen.clear()
    while True:
        port = secrets.randbelow(EPHEMERAL - UNPRIVILEGED) + UNPRIVILEGED
        if port not in chosen and _reserve(port) and is_free(port):
            chosen.add(port)
            return port


@cache
def _chosen() -> set[int]:
    return set()


def _reserve(port: int) -> bool:
    """Keep ``port`` for this process until it ends: its own lock on the byte of that number, of a file that all of a
    user's processes share (fcntl locks go with the process that took them, and are not inherited by its children)."""
    try:
        reservations = _reservations()
    except OSError:
        return True  # nothing can be written: there are no others to tell
    try:
        fcntl.lockf(reservations, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True  # a file system without locks
    return True


@cache
def _reservations() -> int:
    return os.open(cache_folder() / "ports", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def choose_port(wanted: int | None, default: int, what: str) -> int:
    """``wanted`` if it is free, else `Misconfigured`; where nothing is wanted ``default``, or any free port.

    ``what`` names the server in the message. Two stacks that start at once are not both given ``default``.
    """
    if wanted is None:
        # Kept from other stacks too, which start as slowly: its server may begin to listen a while later.
        return default if _reserve(default) and is_free(default) else free_port()
    if not is_free(wanted):
        raise Misconfigured(f"{what} can't listen on {HOST}:{wanted}: the port is in use by another process.")
    return wanted


def listens(port: int, host: str = HOST) -> bool:
    """Whether somebody accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def http_get(port: int, path: str, *, method: str = "GET") -> tuple[int, bytes]:
    """Status and body of a request; (0, b"") when nobody answers HTTP there within two seconds."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
