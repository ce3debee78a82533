"""Gets an encoder ready beside a process that starts: compiling takes a minute of CPU, and nobody has to wait for it.

A child process compiles, so that this one's threads and its end don't wait either; this one then loads what it left in
`cache_folder`. Until then ClickHouse decodes.
"""

import atexit
import importlib.util
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from weftline.collector.store.protocol import Block, SpanEncoder

logger = logging.getLogger(__name__)


class LaterEncoder:
    """A `SpanEncoder` that leaves every batch to ClickHouse until it is ready."""

    def __init__(self) -> None:
        self._ready: SpanEncoder | None = None

    def encode(self, messages: Sequence[bytes], tenant: str = "") -> Block | None:
        return self._ready.encode(messages, tenant) if self._ready else None

    def get_ready(self) -> None:
        """Compile or load; returns when it is done or has failed, which a line in the log says. Never raises."""
        began = time.monotonic()
        try:
            _compile_in_a_child()
            from weftline.collector.store.native.encoder import compiled_encoder

            self._ready = compiled_encoder()
        except Exception:
            logger.warning(
                "Could not compile how spans are encoded, so ClickHouse goes on decoding them.", exc_info=True
            )
            return
        logger.info("Spans are encoded here from now on seconds=%.1f.", time.monotonic() - began)


def start_encoder(*, wanted: bool) -> SpanEncoder | None:
    """An encoder that becomes ready on a thread; None where it isn't wanted or numba isn't installed."""
    if not wanted:
        return None
    if importlib.util.find_spec("numba") is None:
        logger.info(
            "ClickHouse decodes spans. With numba (pip install 'weftline[native]') it is done here, for less CPU."
        )
        return None
    encoder = LaterEncoder()
    threading.Thread(target=encoder.get_ready, name="compile", daemon=True).start()
    return encoder


def _compile_in_a_child() -> None:
    from weftline.collector.store.native.machine_code import COMPILED, FOLDER

    if COMPILED.exists():
        return
    logger.info("Compiling how spans are encoded, once: ClickHouse decodes them meanwhile folder=%s.", FOLDER)
    command = [sys.executable, "-m", "weftline.collector.store.native"]
    child = subprocess.Popen(
        command, env={**os.environ, "NUMBA_CACHE_DIR": str(FOLDER.parent)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    atexit.register(child.kill)
    try:
        _, said = child.communicate()
    finally:
        atexit.unregister(child.kill)
    if child.returncode:
        raise RuntimeError(f"`{' '.join(command)}` ended with {child.returncode}: {said[-2000:]}")
