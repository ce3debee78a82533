"""Starting and stopping the agent: settings → exporter → sampler → cuts. The only module that knows all of them."""

import logging
import sys
import threading
from collections.abc import Mapping
from typing import Final

from opentelemetry.trace import TracerProvider

from weftline.agent import counters, export, forks, http_headers, plugins, propagate, provider, record, serve, settings
from weftline.agent.ending import Ending
from weftline.agent.export import resource
from weftline.agent.export.worker import Worker
from weftline.agent.instrumentors import Instrumentors
from weftline.agent.plugins import logging as logging_plugin
from weftline.agent.sample import by_route, follows, sampler
from weftline.agent.weave import guard, opcodes, swap
from weftline.agent.weave.loader import Finder

LOGGER: Final = logging.getLogger("weftline.agent")


class Agent:
    """A running agent: what :func:`start` made and :meth:`stop` undoes."""

    def __init__(self, options: settings.Settings) -> None:
        self.options = options
        self.worker = Worker(options)
        off = options.disabled_instrumentations
        foreign = plugins.foreign(off)
        self.finder = Finder(foreign, plugins.waiting(off))
        # A library whose cut is switched off is not for somebody else's instrumentor to take either.
        covered = [*plugins.waiting(), *(pointcut.module for pointcut in (plugins.foreign() if off else foreign))]
        self.instrumentors = Instrumentors(covered, off)
        self.provider: TracerProvider | None = None
        self.ending = Ending(self.stop, self.worker.shutdown, self.worker.flush, options.exit_timeout)

    def start(self) -> None:
        """Installs everything; the cuts last, when all they need is there."""
        options = self.options
        guard.be_strict(options.strict)
        record.limits.attributes = options.span_attribute_count_limit
        record.limits.events = options.span_event_count_limit
        decide = sampler(options.sampler, options.sampler_arg)
        serve.use_sampler(
            decide, by_route(options.sample_routes, options.excluded_urls, decide), followed=follows(options.sampler)
        )
        propagate.configure(options.propagators)
        http_headers.configure(options)
        level = settings.level(options.log_level)
        logging_plugin.configure(logging.INFO if level is None else level, resource.service_name(options))
        export.install(self.worker)
        self.provider = provider.install(lambda: resource.attributes(options, resource.version()))
        self.finder.install()
        self.instrumentors.install()
        self.ending.install()
        self.worker.publish()

    def stop(self) -> None:
        """Takes the cuts out, sends what waits (within the exit timeout) and says what was lost."""
        self.ending.remove()
        self.instrumentors.remove()
        self.finder.remove()
        swap.unweave_all()
        provider.remove(self.provider)
        textmap = sys.modules.get("weftline.agent.propagate.textmap")
        if textmap is not None:
            textmap.withdraw()
        record.observe(None)
        self.worker.shutdown(self.options.exit_timeout)
        export.install(None)
        lost = counters.total("dropped_spans") + counters.total("dropped_logs")
        if lost:
            reasons = ", ".join(
                f"{name} {reason}: {amount}"
                for (name, reason), amount in sorted(counters.snapshot().items())
                if name.startswith("dropped_")
            )
            LOGGER.warning(
                "Telemetry was lost. lost=%d reasons=%r exported_spans=%d exported_logs=%d",
                lost, reasons, counters.total("exported_spans"), counters.total("exported_logs"),
            )  # fmt: skip


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
        if not opcodes.rewrites():
            LOGGER.warning(
                "The rewriter is not proven on this Python version; functions are woven with a second frame instead. "
                "version=%s",
                sys.version.split()[0],
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


def flush_at_end() -> None:
    """Sends what waits, within the exit timeout: for processes that end without running exit handlers."""
    if _agent is not None:
        _agent.worker.flush(_agent.options.exit_timeout)


def _in_forked_child() -> None:
    from weftline.agent import carry, ids

    global _lock  # noqa: PLW0603 - the parent's may be held for ever
    _lock = threading.Lock()
    ids.reseed()
    counters.in_forked_child()
    carry.in_forked_child()
    export.in_forked_child()


forks.in_child(_in_forked_child)
