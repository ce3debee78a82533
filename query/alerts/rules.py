"""The rules file: YAML in, frozen dataclasses out, or every mistake in it with its line. Pure.

receivers:
  - name: oncall
    alertmanager: http://alertmanager:9093       # POST /api/v2/alerts
  - name: chat
    webhook: https://chat.example/hook/${CHAT_TOKEN}   # the body that Alertmanager's webhook receivers get
rules:
  - name: PaymentTimeouts
    kind: timeout                # or a list
    service: [cart, checkout]    # selectors: service, route, cluster; each one name or a list
    threshold: 10                # at least so many events …
    window: 5m                   # … in so long, counted for each service apart
    labels: {severity: page}
    description: payment is slow again
    receivers: [oncall]          # all, if left out
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import yaml

from weftline.collector.store.event_kinds import EventKind
from weftline.query import times

LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
OWN_LABELS: Final = frozenset({"alertname", "service"})
LONGEST_WINDOW: Final = times.duration("1w")


class RulesError(ValueError):
    """The file can't be used; ``problems`` are ``line: what and where`` in order."""

    def __init__(self, problems: list[tuple[int, str]]) -> None:
        self.problems = sorted(problems)
        super().__init__("; ".join(f"line {line}: {text}" for line, text in self.problems))


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where notifications go."""

    name: str
    url: str
    alertmanager: bool
    """True: Alertmanager's API v2, which wants to be told again while something fires. False: a webhook."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """``threshold`` or more events of a service within ``window`` ns fire an alert for that service."""

    name: str
    kinds: tuple[str, ...]
    threshold: int
    window: int
    window_text: str
    services: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    receivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """A whole file; names are unique."""

    receivers: tuple[Receiver, ...]
    rules: tuple[Rule, ...]


def parse(text: str, environ: Mapping[str, str]) -> Rules:
    """The rules in ``text``; ``${NAME}`` in receivers' URLs and headers is taken from ``environ``.

    Raises `RulesError` with everything that is wrong.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise RulesError([(mark.line + 1 if mark else 1, f"this is not YAML: {problem}")]) from error
    reading = _Reading(environ)
    rules = reading.file(root)
    if reading.problems:
        raise RulesError(reading.problems)
    return rules


class _Reading:
    """Walks the nodes and collects problems; what it returns counts only where there are none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.problems: list[tuple[int, str]] = []
        self._environ = environ

    def file(self, root: yaml.Node | None) -> Rules:
        if root is None:
            self.problems.append((1, "the file is empty; it needs `receivers` and `rules`"))
            return Rules((), ())
        fields = self._fields(root, "the file", required=("receivers", "rules"))
        receivers = tuple(self._receiver(node) for node in self._items(fields.get("receivers"), "receivers"))
        names = {receiver.name for receiver in receivers}
        rules = tuple(self._rule(node, names) for node in self._items(fields.get("rules"), "rules"))
        return Rules(receivers, rules)

    def _receiver(self, node: yaml.Node) -> Receiver:
        fields = self._fields(node, "a receiver", ("name",), ("alertmanager", "webhook", "headers"))
        name = self._name(fields.get("name"), "receiver")
        if ("alertmanager" in fields) == ("webhook" in fields):
            self._wrong(node, f"receiver {name} needs one of `alertmanager` and `webhook`: a URL")
        at = fields.get("alertmanager") or fields.get("webhook")
        url = self._filled(at, self._text(at))
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if at is not None and (parts.scheme not in ("http", "https") or not parts.hostname):
            self._wrong(at, f"`{self._text(at)}` is no http:// or https:// URL")
        headers = {key: self._filled(it, value) for key, it, value in self._pairs(fields.get("headers"), "headers")}
        return Receiver(name, url, "alertmanager" in fields, headers)

    def _rule(self, node: yaml.Node, receivers: set[str]) -> Rule:
        optional = ("service", "route", "cluster", "labels", "description", "receivers")
        fields = self._fields(node, "a rule", ("name", "kind", "threshold", "window"), optional)
        kinds = self._texts(fields.get("kind"))
        for kind, at in kinds:
            if kind not in set(EventKind):
                self._wrong(at, f"`{kind}` is no kind of event; there are {', '.join(EventKind)}")
        threshold = self._text(fields.get("threshold"))
        if "threshold" in fields and not (re.fullmatch(r"[0-9]{1,9}", threshold) and int(threshold)):
            self._wrong(fields["threshold"], f"`threshold` must be a whole number from 1 on, not `{threshold}`")
        window = self._window(fields.get("window"))
        named = self._texts(fields.get("receivers"))
        for name, at in named:
            if name not in receivers:
                self._wrong(at, f"there is no receiver `{name}`")
        labels = {}
        for key, at, value in self._pairs(fields.get("labels"), "labels"):
            if not LABEL.fullmatch(key) or key in OWN_LABELS:
                self._wrong(at, f"`{key}` can't be a label: letters, digits and _, and not {' or '.join(OWN_LABELS)}")
            labels[key] = value
        return Rule(
            name=self._name(fields.get("name"), "rule"),
            kinds=tuple(kind for kind, _ in kinds),
            threshold=int(threshold) if threshold.isdecimal() else 1,
            window=window,
            window_text=self._text(fields.get("window")),
            services=tuple(it for it, _ in self._texts(fields.get("service"))),
            routes=tuple(it for it, _ in self._texts(fields.get("route"))),
            clusters=tuple(it for it, _ in self._texts(fields.get("cluster"))),
            labels=labels,
            description=self._text(fields.get("description")),
            receivers=tuple(name for name, _ in named),
        )

    def _window(self, node: yaml.Node | None) -> int:
        try:
            window = times.duration(self._text(node)) if node is not None else 0
        except ValueError as error:
            self._wrong(node, f"`window`: {error}")
            return 0
        if node is not None and not times.SECOND <= window <= LONGEST_WINDOW:
            self._wrong(node, "`window` must be between 1s and 1w")
        return window

    def _fields(
        self, node: yaml.Node, what: str, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()
    ) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, f"{what} must be a mapping with {', '.join(required)}")
            return {}
        known = (*required, *optional)
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text(key)
            if name not in known:
                self._wrong(key, f"{what} has no `{name}`; there are {', '.join(known)}")
            elif name in fields:
                self._wrong(key, f"`{name}` stands twice")
            fields[name] = value
        for name in required:
            if name not in fields:
                self._wrong(node, f"{what} needs `{name}`")
        return fields

    def _items(self, node: yaml.Node | None, what: str) -> Iterator[yaml.Node]:
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self._wrong(node, f"`{what}` must be a list of at least one")
            return
        seen: set[str] = set()
        for item in node.value:
            name = self._name_in(item)
            if name and name in seen:
                self._wrong(item, f"`{name}` is the name of two {what}")
            seen.add(name)
            yield item

    def _name_in(self, node: yaml.Node) -> str:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        return next((self._text(value) for key, value in pairs if self._text(key) == "name"), "")

    def _pairs(self, node: yaml.Node | None, what: str) -> Iterator[tuple[str, yaml.Node, str]]:
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, f"`{what}` must be a mapping of texts")
            return
        for key, value in node.value:
            yield self._text(key), value, self._text(value)

    def _texts(self, node: yaml.Node | None) -> list[tuple[str, yaml.Node]]:
        """One text or a list of them."""
        if node is None:
            return []
        if isinstance(node, yaml.SequenceNode):
            if not node.value:
                self._wrong(node, "an empty list; leave the field out instead")
            return [(self._text(it), it) for it in node.value]
        return [(self._text(node), node)]

    def _name(self, node: yaml.Node | None, what: str) -> str:
        name = self._text(node)
        if node is not None and not name.strip():
            self._wrong(node, f"the {what}'s name is empty")
        return name

    def _text(self, node: yaml.Node | None) -> str:
        if node is None:
            return ""
        if not isinstance(node, yaml.ScalarNode):
            self._wrong(node, "a text or a number is expected here")
            return ""
        return str(node.value)

    def _filled(self, node: yaml.Node | None, text: str) -> str:
        for name in VARIABLE.findall(text):
            if name not in self._environ:
                self._wrong(node, f"the environment has no variable {name}")
        return VARIABLE.sub(lambda found: self._environ.get(found[1], ""), text)

    def _wrong(self, node: yaml.Node | None, text: str) -> None:
        problem = (node.start_mark.line + 1 if node is not None else 1, text)
        if problem not in self.problems:
            self.problems.append(problem)
