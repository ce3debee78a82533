"""What is never stored, whoever sent it: credentials' headers, secrets in URLs. `insert/any_value.sql` says it in SQL.

The regular expressions there are spelt out here for ASCII; where another text might hold a secret, ClickHouse looks.
"""

from typing import Annotated

import numpy as np
from numba.core import types

from weftline.collector.store.native.columns import Column, Memory, copy, full, has_room, leave
from weftline.collector.store.native.machine_code import Array, Bytes, inlined, machine_code, signed

CREDENTIALS = (
    "http.request.header.authorization", "http.request.header.proxy-authorization", "http.request.header.cookie",
    "http.response.header.set-cookie", "http.request.header.x-api-key",
)  # fmt: skip
URLS = ("path", "url.full", "url.query", "http.url", "http.target")
PARAMETERS = (
    "access_token", "apikey", "api-key", "api_key", "auth", "authorization", "client_secret", "id_token", "jwt",
    "passwd", "password", "pwd", "refresh_token", "secret", "session", "sessionid", "sid", "sig", "signature", "token",
    "awsaccesskeyid", "x-amz-credential", "x-amz-security-token", "x-amz-signature", "x-goog-credential",
    "x-goog-signature",
)  # fmt: skip
"""Names of URLs' parameters, in any case."""

PLAIN, CREDENTIAL, URL, SERVICE_NAME = 0, 1, 2, 3
"""Kinds of keys."""

Table = Annotated[Array, types.Array(types.uint8, 2, "C", readonly=True)]
_SCRATCH = int(Column.SCRATCH)
_WIDTH = 40


def _table(words: tuple[str, ...]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """A word a row, its length first."""
    rows = np.zeros((len(words), _WIDTH), np.uint8)
    for row, word in zip(rows, words, strict=True):
        row[: len(word) + 1] = [len(word), *word.encode()]
    return rows


_KEYS = _table((*CREDENTIALS, *URLS, "service.name"))
_KINDS = np.array([CREDENTIAL] * len(CREDENTIALS) + [URL] * len(URLS) + [SERVICE_NAME], np.uint8)
_PARAMETERS = _table(PARAMETERS)
_INSTEAD = np.frombuffer(b"[not stored]", np.uint8)
INSTEAD_SIZE = 12


@machine_code
def _row_of(words: Table, b: Bytes, p: int, size: int) -> int:
    """Of the word that stands in lower case from ``p`` to ``p + size``, or -1."""
    for row in range(words.shape[0]):
        if words[row, 0] != size:
            continue
        i = 0
        while i < size and words[row, 1 + i] == b[p + i]:
            i += 1
        if i == size:
            return row
    return -1


@machine_code
def kind_of_key(b: Bytes, p: int, size: int) -> int:
    row = _row_of(_KEYS, b, p, size)
    return int(_KINDS[row]) if row >= 0 else 0


@inlined
def write_instead(out: Bytes, q: int) -> int:
    """[not stored]"""
    for i in range(INSTEAD_SIZE):
        out[q + i] = _INSTEAD[i]
    return q + INSTEAD_SIZE


@inlined
def _lower(byte: int) -> int:
    return byte + 32 if 65 <= byte <= 90 else byte


@machine_code
def _is_secret(b: Bytes, p: int, size: int) -> bool:
    """Whether a parameter of this name is left out."""
    for row in range(_PARAMETERS.shape[0]):
        if _PARAMETERS[row, 0] != size:
            continue
        i = 0
        while i < size and _PARAMETERS[row, 1 + i] == _lower(signed(b[p + i])):
            i += 1
        if i == size:
            return True
    return False


@machine_code
def _user(b: Bytes, p: int, e: int) -> tuple[int, int]:
    """From where to where the first URL in the text has a user before its host; (-1, -1) if none has."""
    while p + 4 < e:
        if b[p] == 58 and b[p + 1] == 47 and b[p + 2] == 47:  # ://
            i = p + 3
            while i < e and b[i] != 47 and b[i] != 63 and b[i] != 35 and b[i] != 64:  # / ? # @
                i += 1
            if i < e and b[i] == 64 and i > p + 3:
                return p + 3, i
        p += 1
    return -1, -1


@machine_code
def _parameter(b: Bytes, p: int, start: int, e: int) -> int:
    """Behind the = of the first parameter from ``p`` on whose value is a secret, or -1. ``start``: of the text."""
    while p < e:
        if b[p] == 63 or b[p] == 38 or b[p] == 59:  # ? & ;
            name = p + 1
        elif p == start:
            name = p
        else:
            p += 1
            continue
        i = name
        while i < e and b[i] != 61 and b[i] != 63 and b[i] != 38 and b[i] != 59 and i - name < _WIDTH:  # = ? & ;
            i += 1
        if i < e and b[i] == 61 and _is_secret(b, name, i - name):
            return i + 1
        p += 1
    return -1


@machine_code
def _foreign(b: Bytes, p: int, e: int) -> bool:
    """Whether there is anything but ASCII."""
    while p < e:
        if b[p] >= 128:
            return True
        p += 1
    return False


@machine_code
def _may_hold(b: Bytes, p: int, e: int) -> bool:
    """Whether letters that fold to ASCII's, or bytes that are no letters, could make a secret of this text."""
    while p < e:
        if b[p] == 61 or b[p] == 64:  # = @
            return True
        p += 1
    return False


@machine_code
def without_secrets(m: Memory, start: int, e: int) -> int:
    """Takes secrets out of the columns' text from ``start`` to ``e``; returns its new end, -1: the walk has ended.

    Behind it is room for five times the text and more.
    """
    out = m.out
    if _foreign(out, start, e):
        if _may_hold(out, start, e):
            leave(m)
            return -1
        return e
    from_, to = _user(out, start, e)
    behind = _parameter(out, start, start, e)
    if from_ < 0 and behind < 0:
        return e
    if not has_room(m, _SCRATCH, e - start + INSTEAD_SIZE):
        full(m, _SCRATCH)
        return -1
    # The user first, as the parameters are looked for in what is left.
    s = m.at[_SCRATCH]
    if from_ >= 0:
        q = copy(out, s, out, start, from_ - start)
        q = write_instead(out, q)
        end = copy(out, q, out, to, e - to)
    else:
        end = copy(out, s, out, start, e - start)
    q = start
    p = s
    while True:
        behind = _parameter(out, p, s, end)
        if behind < 0:
            return copy(out, q, out, p, end - p)
        q = copy(out, q, out, p, behind - p)
        q = write_instead(out, q)
        p = behind
        while p < end and out[p] != 38 and out[p] != 59 and out[p] != 35:  # & ; #
            p += 1
