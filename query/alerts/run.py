"""The loop of `weftline alerts run`: evaluates each rule every so often, tells receivers, keeps its state in a file."""

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from weftline.collector.errors import Misconfigured
from weftline.query.alerts.deliver import ReceiverAway, ReceiverRefused, deliver
from weftline.query.alerts.rules import Rule, Rules
from weftline.query.alerts.state import Alert, Notification, State, dump, load

logger = logging.getLogger(__name__)

TICK: Final = 0.5
"""Seconds between looks at what is due."""


class Source(Protocol):
    """Where counts come from: the query service. Raises `SourceAway`."""

    def counts(self, rule: Rule) -> dict[str, int]:
        """How many events each service has in the rule's window, which ends now."""

    def newest(self, rule: Rule, service: str) -> dict[str, Any] | None:
        """The newest event counted, as the API has it; None where there is none any more."""


class SourceAway(Exception):  # noqa: N818 - named after what the caller does next: wait
    """Nothing can be said about the rules now; what fires, fires on."""


class Runner:
    """Evaluates every ``interval`` seconds until ``stopped`` says so. One thread, nothing shared."""

    def __init__(
        self,
        rules: Rules,
        source: Source,
        state_file: Path,
        *,
        interval: float,
        clock: Callable[[], int] = time.time_ns,
        send: Callable[[Notification, int], None] = deliver,
    ) -> None:
        self._rules = rules
        self._source = source
        self._file = state_file
        self._interval = round(interval * 10**9)
        self._clock = clock
        self._send = send
        self._due = 0
        self._away = False
        self._written = ""
        self._unwritten = False
        self.state = self._restored()

    def run(self, stopped: Callable[[float], bool]) -> None:
        """``stopped`` waits so many seconds and says whether to end."""
        while True:
            self.step()
            if stopped(TICK):
                return

    def step(self) -> None:
        """One look: evaluate if it is time, then tell who is to be told."""
        now = self._clock()
        if now >= self._due:
            self._due = now + self._interval
            self._evaluate(now)
        for notification in list(self.state.due(self._rules, now)):
            self._tell(notification)
        self.state.prune(self._rules)
        self._write()

    def _evaluate(self, now: int) -> None:
        try:
            for rule in self._rules.rules:
                for alert in self.state.observe(rule, self._source.counts(rule), now):
                    self._exemplify(alert, rule)
                    logger.info("An alert fires rule=%s service=%s.", rule.name, alert.labels["service"])
        except SourceAway as error:
            if not self._away:
                logger.warning("The rules can't be evaluated; what fires, fires on. %s", error)
            self._away = True
            return
        if self._away:
            logger.info("The rules are evaluated again.")
        self._away = False

    def _exemplify(self, alert: Alert, rule: Rule) -> None:
        """Whoever is woken up wants one transaction to look at."""
        event = self._source.newest(rule, alert.labels["service"])
        if event:
            alert.annotations["event"] = f"{event['proxy']}: {event['text']}"
            if event["transaction_id"]:
                alert.annotations["transaction_id"] = event["transaction_id"]

    def _tell(self, notification: Notification) -> None:
        name = notification.receiver.name
        try:
            self._send(notification, self._clock())
        except ReceiverAway as error:
            delay = self.state.failed(notification, self._clock())
            logger.warning(
                "A receiver can't be told; trying again in %d s receiver=%s reason=%s.", delay // 10**9, name, error
            )
        except ReceiverRefused as error:
            logger.error(  # noqa: TRY400 - the stack says nothing that the receiver's answer doesn't
                "A receiver refused %d alerts; they are given up receiver=%s reason=%s.",
                len(notification.alerts),
                name,
                error,
            )
            self.state.sent(notification, self._clock())
        else:
            self.state.sent(notification, self._clock())

    def _restored(self) -> State:
        try:
            state = load(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return State()
        except (OSError, ValueError) as error:
            raise Misconfigured(f"{self._file} can't be read: {error}. Move it away to begin anew.") from error
        state.forget(self._rules, self._clock())
        return state

    def _write(self) -> None:
        text = dump(self.state)
        if text == self._written:
            return
        partial = self._file.with_suffix(".partial")
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(self._file)
        except OSError as error:
            if not self._unwritten:
                logger.error(  # noqa: TRY400 - the reason is all there is to say
                    "The state can't be written; a restart would tell receivers again file=%s reason=%s.",
                    self._file,
                    error,
                )
            self._unwritten = True
            return
        self._written, self._unwritten = text, False


@contextmanager
def owned(state_file: Path) -> Iterator[None]:
    """The state file is ours alone meanwhile; `Misconfigured` when another process has it, or it can't be written."""
    try:
        state_file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(state_file.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise Misconfigured(
            f"The state can't be kept in {state_file}: {error.strerror}. Choose a file with --state."
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Misconfigured(
                f"Another `weftline alerts run` keeps its state in {state_file}. Choose another file with --state."
            ) from error
        yield
    finally:
        os.close(handle)
