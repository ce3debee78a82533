"""The export thread: one daemon thread, started with the first span or log record, also anew in a forked child."""

import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from weftline.agent import counters, forks, publish
from weftline.agent.export import encode, resource
from weftline.agent.export.queue import Queue
from weftline.agent.export.send import Outcome, Sender
from weftline.agent.record import LogRecord, Span
from weftline.agent.settings import Settings, pairs

if TYPE_CHECKING:
    from weftline.agent.export.grpc import GrpcSender

LOGGER: Final = logging.getLogger("weftline.agent")

_FIRST_BACKOFF: Final = 0.25
_LONGEST_BACKOFF: Final = 5.0
_FORK_PATIENCE: Final = 0.1
"""Seconds a fork waits for the thread; one that is just sending is left running."""
_GIVE_UP_AFTER: Final = 60.0
"""Seconds a batch is tried before it is dropped and counted."""
_IDLE: Final = 10.0
"""Seconds between two looks at the counters while nothing is emitted: a program that rests is left to rest."""


@dataclass(frozen=True, slots=True)
class _Signal:
    queue: Queue[Any]
    sender: "Sender | GrpcSender"
    encode: Callable[[bytes, Sequence[Any], str, int], bytes]


class Worker:
    """The :class:`~weftline.agent.export.Exporter` over OTLP."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._version = ""
        self._spans: Queue[Span] = Queue("spans", settings.max_queue_size)
        self._logs: Queue[LogRecord] = Queue("logs", settings.max_queue_size)
        self._signals = (
            _Signal(self._spans, _sender(settings, settings.traces_endpoint, "/v1/traces"), encode.traces),
            _Signal(self._logs, _sender(settings, settings.logs_endpoint, "/v1/logs"), encode.logs),
        )
        self._sends_spans = settings.traces_exporter != "none"
        self._sends_logs = settings.logs_exporter != "none"
        self._delay = settings.schedule_delay / 1000
        self._batch = min(settings.max_export_batch_size, settings.max_queue_size)
        self._publisher = publish.Publisher(
            settings.status_folder, resource.service_name(settings), settings.endpoint, settings.protocol
        )
        self._under_way = {"spans": 0, "logs": 0}
        self._failing = False
        self._error: tuple[str, str, float] = ("", "", 0.0)
        self._prepare()
        _workers.add(self)

    def _prepare(self) -> None:
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._halt = threading.Event()
        self._drained = threading.Condition()
        self._forking = False
        self._hurry = False
        self._rounds = 0
        self._wakes_at = self._batch
        self._deadline = float("inf")
        self._resource = b""

    def publish(self, state: str = "running") -> None:
        """Says what has been done so far: see :mod:`~weftline.agent.publish`."""
        error, url, when = self._error
        self._publisher.publish(
            publish.Exporting(
                waiting_spans=len(self._spans) + self._under_way["spans"],
                waiting_logs=len(self._logs) + self._under_way["logs"],
                failing=self._failing,
                error=error,
                error_url=url,
                error_time=when,
            ),
            state,
        )

    def before_fork(self) -> None:
        """Lets the thread end if it is idle: a child of a process with threads may deadlock, and Python 3.12 warns."""
        thread = self._thread
        self._forking = True
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_FORK_PATIENCE)

    def after_fork_in_parent(self) -> None:
        """The thread comes back with the next span or log record, at once if some wait."""
        self._forking = False
        if self._thread is None and self._waits():
            self._start()

    def after_fork_in_child(self) -> None:
        """In a forked child: what waits is the parent's to send, if it can, and the thread stayed there."""
        for signal in self._signals:
            if not forks.inherits():
                signal.queue.clear()
            signal.sender.forget()
            self._under_way[signal.queue.signal] = 0
        self._failing, self._error = False, ("", "", 0.0)
        self._publisher.in_new_process()
        self._prepare()

    def after_threads_changed(self) -> None:
        """Locks and threads are made anew: gevent has patched them. What waits still waits."""
        self._prepare()
        self.after_fork_in_parent()

    def emit_span(self, span: Span) -> None:
        if self._sends_spans:
            waiting = self._spans.put(span)
            if waiting >= self._wakes_at or self._thread is None:
                self._stir()

    def emit_log(self, log: LogRecord) -> None:
        if self._sends_logs:
            waiting = self._logs.put(log)
            if waiting >= self._wakes_at or self._thread is None:
                self._stir()

    def takes_logs(self) -> bool:
        own = self._thread is not None and threading.get_ident() == self._thread.ident
        return self._sends_logs and not own

    def flush(self, timeout: float) -> bool:
        """Sends what waits now. Whether all of it was dealt with within `timeout` seconds."""
        if self._thread is None:
            return not self._waits()
        with self._drained:
            goal = self._rounds + 2  # the round under way may have passed what was put just now
            while self._rounds < goal:
                self._hurry = True
                self._wake.set()
                before = time.monotonic()
                if timeout <= 0 or not self._drained.wait(timeout):
                    return False
                timeout -= time.monotonic() - before
        return True

    def shutdown(self, timeout: float) -> None:
        """Flushes and ends the thread, within `timeout` seconds; what is left then is dropped and counted."""
        self._deadline = time.monotonic() + timeout
        self._halt.set()
        self._wake.set()
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(timeout)
        elif self._waits():  # an interpreter that shuts down starts no threads
            self._drain()
            self._close()
        for signal in self._signals:
            left = len(signal.queue.take(self._settings.max_queue_size))
            if left:
                signal.queue.drop("exit", left)
        self.publish("ended")
        _workers.discard(self)

    def _stir(self) -> None:
        """There is a batch, or the first of one while the thread rests, or nobody yet who would send it."""
        if self._thread is None:
            self._start()
        elif not self._wake.is_set():
            self._wake.set()

    def _start(self) -> None:
        if self._halt.is_set() or self._forking or forks.coming() or not self._starting.acquire(blocking=False):
            return  # also: another thread is at it, or a signal handler interrupted this very place
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="weftline-agent-export", daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError:
            LOGGER.debug("The export thread could not be started now.", exc_info=True)
        finally:
            self._starting.release()

    def _run(self) -> None:
        """Sends full batches as they come, and what is left over once a delay, or when somebody waits for it."""
        due = time.monotonic() + self._delay
        while not self._halt.is_set():
            if not self._wake.wait(max(0.0, due - time.monotonic())) and not self._waits():
                self.publish()
                self._rest()
                due = time.monotonic() + self._delay
            self._wake.clear()
            if self._forking:
                for signal in self._signals:
                    signal.sender.before_fork()
                self._thread = None
                return
            everything = self._hurry or self._halt.is_set() or time.monotonic() >= due
            self._hurry = False
            try:
                self._drain(1 if everything else self._batch)
                if everything:  # once a delay, however many full batches: a file costs as much as 100 spans
                    self.publish()
            except Exception:
                LOGGER.exception("The export thread met an error it did not expect; a batch may be lost.")
                counters.count("dropped_batches", "error")
            if everything:
                due = time.monotonic() + self._delay
                with self._drained:
                    self._rounds += 1
                    self._drained.notify_all()
        self._drain()  # requests that were being answered when the end came have ended meanwhile
        self._close()

    def _rest(self) -> None:
        """Waits for whatever comes: a span or log record (others then have a delay to join it), a flush, an end."""
        self._wakes_at = 1
        if not self._waits():  # what was put just before has woken nobody
            self._wake.wait(max(_IDLE, self._delay))
        self._wakes_at = self._batch

    def _waits(self) -> bool:
        return any(len(signal.queue) for signal in self._signals)

    def _close(self) -> None:
        for signal in self._signals:
            signal.sender.close()

    def _drain(self, least: int = 1) -> None:
        for signal in self._signals:
            while len(signal.queue) >= least:
                batch = signal.queue.take(self._batch)
                self._under_way[signal.queue.signal] = len(batch)
                try:
                    self._deliver(signal, batch)
                finally:
                    self._under_way[signal.queue.signal] = 0

    def _deliver(self, signal: _Signal, batch: Sequence[Any]) -> None:
        if not self._resource:
            self._version = resource.version()
            self._resource = encode.resource(resource.attributes(self._settings, self._version))
        limit = self._settings.attribute_value_length_limit
        body = signal.encode(self._resource, batch, self._version, limit)
        give_up = time.monotonic() + _GIVE_UP_AFTER
        backoff = _FIRST_BACKOFF
        while True:
            outcome = signal.sender.send(body)
            if outcome.ok:
                refused = min(outcome.rejected, len(batch))
                if refused:
                    signal.queue.drop("rejected by the collector", refused)
                counters.count(f"exported_{signal.queue.signal}", "otlp", len(batch) - refused)
                self._report(signal, outcome)
                return
            wait = outcome.after or backoff * random.uniform(0.5, 1)  # noqa: S311 - spreads retries
            if not outcome.retry or time.monotonic() + wait > min(give_up, self._deadline):
                signal.queue.drop(outcome.reason, len(batch))
                self._report(signal, outcome)
                return
            self._report(signal, outcome)
            self.publish()
            if self._halt.is_set():
                time.sleep(wait)  # the deadline above bounds this
            else:
                self._halt.wait(wait)
            backoff = min(backoff * 2, _LONGEST_BACKOFF)

    def _report(self, signal: _Signal, outcome: Outcome) -> None:
        """One line when exporting begins to fail and one when it works again."""
        if not outcome.ok:
            self._error = (outcome.reason, signal.sender.url, time.time())
        if outcome.ok == self._failing:
            self._failing = not outcome.ok
            if outcome.ok:
                LOGGER.info("Exporting works again. url=%s", signal.sender.url)
            else:
                LOGGER.warning(
                    "Exporting fails; the program is not affected. url=%s reason=%s", signal.sender.url, outcome.reason
                )


def _sender(settings: Settings, url: str, path: str) -> "Sender | GrpcSender":
    options: dict[str, Any] = {
        "timeout": settings.timeout,
        "compress": settings.compression == "gzip",
        "certificate": settings.certificate,
    }
    headers = pairs(settings.headers)
    if settings.protocol == "grpc":
        from weftline.agent.export.grpc import METHODS, GrpcSender

        return GrpcSender(url or settings.endpoint, METHODS[path], headers, **options)
    return Sender(url or settings.endpoint.rstrip("/") + path, headers, **options)


_workers: weakref.WeakSet[Worker] = weakref.WeakSet()


def _before_fork() -> None:
    for worker in list(_workers):
        worker.before_fork()


def _after_fork_in_parent() -> None:
    for worker in list(_workers):
        worker.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for worker in list(_workers):
        worker.after_fork_in_child()


def before_threads_change() -> None:
    """Before gevent patches the standard library: a thread that outlives it could not end cleanly."""
    _before_fork()


def after_threads_changed() -> None:
    """When gevent has patched it: what runs from now on is a greenlet."""
    for worker in list(_workers):
        worker.after_threads_changed()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)
forks.in_child(_after_fork_in_child)
