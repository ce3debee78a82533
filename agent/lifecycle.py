"""Starting and stopping the agent: settings → exporter → sampler → cuts. The only module that knows all of them."""

import atexit
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Final

from weftline.agent import counters, export, plugins, record, serve, settings
from weftline.agent.export import resource
from weftline.agent.export.worker import Worker
from weftline.agent.plugins import logging as logging_plugin
from weftline.agent.sample import sampler
from weftline.agent.weave import guard, opcodes, swap
from weftline.agent.weave.loader import Finder

LOGGER: Final = logging.getLogger("weftline.agent")


class Agent:
    """A running agent: what :func:`start` made and :meth:`stop` undoes."""

    def __init__(self, options: settings.Settings) -> None:
        self.options = options
        self.worker = Worker(options)
        self.finder = Finder(plugins.pointcuts(options.disabled_instrumentations))

    def start(self) -> None:
        """Installs everything; the cuts last, when all they need is there."""
        options = self.options
        guard.be_strict(options.strict)
        record.limits.attributes = options.span_attribute_count_limit
        record.limits.events = options.span_event_count_limit
        serve.use_sampler(sampler(options.sampler, options.sampler_arg))
        level = settings.level(options.log_level)
        logging_plugin.configure(logging.INFO if level is None else level, resource.service_name(options))
        export.install(self.worker)
        self.finder.install()
        atexit.register(self.stop)
        self._replace_sigterm(signal.SIG_DFL, self._terminate)

    def stop(self) -> None:
        """Takes the cuts out, sends what waits (within the exit timeout) and says what was lost."""
        atexit.unregister(self.stop)
        self._replace_sigterm(self._terminate, signal.SIG_DFL)
        self.finder.remove()
        swap.unweave_all()
        self.worker.shutdown(self.options.exit_timeout)
        export.install(None)
        lost = counters.total("dropped_spans") + counters.total("dropped_logs")
        if lost:
            reasons = ", ".join(
                f"{name} {reason}: {amount}"
                for (name, reason), amount in sorted(counters.snapshot().items())
                if name.startswith("dropped_")
            )
            LOGGER.warning("Telemetry was lost. lost=%d reasons=%r", lost, reasons)

    @staticmethod
    def _replace_sigterm(present: object, handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
        main = threading.current_thread() is threading.main_thread()  # no other thread may set handlers
        if main and signal.getsignal(signal.SIGTERM) == present:
            signal.signal(signal.SIGTERM, handler)

    def _terminate(self, number: int, _frame: FrameType | None) -> None:
        """SIGTERM would end the process at once and nothing be sent. Stands only where the program has no handler."""
        signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
        self.worker.shutdown(self.options.exit_timeout)
        os.kill(os.getpid(), number)


_agent: Agent | None = None
_lock = threading.Lock()


def start(environ: Mapping[str, str]) -> bool:
    """Starts the process's agent. False when it runs already or is switched off."""
    global _agent  # noqa: PLW0603 - a process has one agent
    options, wrong = settings.load(environ)
    if wrong:
        LOGGER.warning("Settings that can't be used were left at their defaults. problems=%r", wrong)
    if options.disabled:
        return False
    with _lock:
        if _agent is not None:
            return False
        if not opcodes.SUPPORTED:
            LOGGER.warning(
                "This Python version is not supported yet; nothing is woven. version=%s", sys.version.split()[0]
            )
        _agent = Agent(options)
        _agent.start()
        return True


def stop() -> None:
    """Stops the process's agent, if it runs."""
    global _agent
    with _lock:
        running, _agent = _agent, None
    if running is not None:
        running.stop()


def flush(timeout: float = 5.0) -> bool:
    """Sends what waits now. Whether all of it was dealt with within `timeout` seconds."""
    return _agent is None or _agent.worker.flush(timeout)


def _in_forked_child() -> None:
    from weftline.agent import ids

    global _lock  # noqa: PLW0603 - the parent's may be held for ever
    _lock = threading.Lock()
    ids.reseed()
    counters.reset()


os.register_at_fork(after_in_child=_in_forked_child)
