"""What fires, since when, and what each receiver was last told. Pure: time is passed in, as ns since the epoch."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from weftline.query.alerts.rules import Receiver, Rule, Rules

RESEND: Final = 60 * 10**9
"""ns after which Alertmanager is told again that an alert fires …"""
ENDS_AFTER: Final = 4 * RESEND
"""… and after which it may take one for over that it heard no more of (as Prometheus does it)."""
FIRST_RETRY: Final = 10**9
LONGEST_RETRY: Final = 300 * 10**9
VERSION: Final = 1

Status = Literal["firing", "resolved"]


@dataclass(slots=True)
class Told:
    """What a receiver knows of an alert."""

    status: Status | None = None
    at: int = 0


@dataclass(slots=True)
class Alert:
    """One rule firing for one service, or having fired until not every receiver knows that it is over."""

    rule: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: int
    ends_at: int | None = None
    told: dict[str, Told] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        return "firing" if self.ends_at is None else "resolved"

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.labels)


@dataclass(slots=True)
class Waiting:
    """A receiver that could not be told: when to try again."""

    failures: int = 0
    until: int = 0


@dataclass(frozen=True, slots=True)
class Notification:
    """What to send to a receiver now."""

    receiver: Receiver
    alerts: tuple[Alert, ...]


def fingerprint(labels: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()[:16]


class State:
    """All alerts. `observe` after each evaluation, `due` for what to send, `sent`/`failed` for what came of it."""

    def __init__(self, alerts: Iterable[Alert] = ()) -> None:
        self.alerts = {alert.fingerprint: alert for alert in alerts}
        self._waiting: dict[str, Waiting] = {}

    def observe(self, rule: Rule, counts: Mapping[str, int], now: int) -> list[Alert]:
        """Take in how many events each service has in the rule's window; returns the alerts that begin to fire."""
        begun = []
        firing = {service: count for service, count in counts.items() if count >= rule.threshold}
        for service, count in firing.items():
            labels = {**rule.labels, "alertname": rule.name, "service": service}
            alert = self.alerts.get(fingerprint(labels))
            if alert is None or alert.ends_at is not None:
                told = alert.told if alert else {}
                alert = Alert(rule.name, labels, {}, starts_at=now, told=told)
                self.alerts[alert.fingerprint] = alert
                begun.append(alert)
                alert.annotations = _annotations(rule, service, count)
        for alert in self.alerts.values():
            if alert.rule == rule.name and alert.ends_at is None and alert.labels["service"] not in firing:
                alert.ends_at = now
        return begun

    def forget(self, rules: Rules, now: int) -> None:
        """End what no rule of the file stands for any more: a rule was taken out, or its labels changed."""
        labels = {rule.name: rule.labels for rule in rules.rules}
        for alert in self.alerts.values():
            own = {name: it for name, it in alert.labels.items() if name not in ("alertname", "service")}
            if alert.ends_at is None and labels.get(alert.rule) != own:
                alert.ends_at = now

    def due(self, rules: Rules, now: int) -> Iterator[Notification]:
        """What each receiver must be told now, those left out that are being waited for."""
        wanted = {rule.name: rule.receivers for rule in rules.rules}
        for receiver in rules.receivers:
            if (waiting := self._waiting.get(receiver.name)) and waiting.until > now:
                continue
            alerts = tuple(
                alert
                for alert in self.alerts.values()
                if (not wanted.get(alert.rule) or receiver.name in wanted[alert.rule] or receiver.name in alert.told)
                and _must_be_told(alert, receiver, now)
            )
            if alerts:
                yield Notification(receiver, alerts)

    def sent(self, notification: Notification, now: int) -> None:
        """The receiver has it (or will never take it)."""
        self._waiting.pop(notification.receiver.name, None)
        for alert in notification.alerts:
            alert.told[notification.receiver.name] = Told(alert.status, now)

    def failed(self, notification: Notification, now: int) -> int:
        """The receiver could not take it; returns after how many ns it will be tried again."""
        waiting = self._waiting.setdefault(notification.receiver.name, Waiting())
        delay: int = min(FIRST_RETRY * 2**waiting.failures, LONGEST_RETRY)
        waiting.failures += 1
        waiting.until = now + delay
        return delay

    def prune(self, rules: Rules) -> None:
        """Drop what is over and known to be over by every receiver that was told, and still exists."""
        names = {receiver.name for receiver in rules.receivers}
        self.alerts = {
            key: alert
            for key, alert in self.alerts.items()
            if alert.ends_at is None
            or any(told.status != "resolved" for name, told in alert.told.items() if name in names)
        }


def _must_be_told(alert: Alert, receiver: Receiver, now: int) -> bool:
    told = alert.told.get(receiver.name)
    if told is None:
        return alert.ends_at is None  # what began and ended untold is no news
    if told.status != alert.status:
        return True
    return receiver.alertmanager and alert.ends_at is None and now - told.at >= RESEND


def _annotations(rule: Rule, service: str, count: int) -> dict[str, str]:
    kinds = ", ".join(rule.kinds)
    summary = f"{count} {kinds} events of {service or 'unnamed'} in {rule.window_text} (threshold {rule.threshold})"
    return {"summary": summary, **({"description": rule.description} if rule.description else {})}


def dump(state: State) -> str:
    """As JSON, for `load` after a restart."""
    alerts = [
        {
            "rule": alert.rule,
            "labels": alert.labels,
            "annotations": alert.annotations,
            "starts_at": alert.starts_at,
            "ends_at": alert.ends_at,
            "told": {name: [told.status, told.at] for name, told in alert.told.items()},
        }
        for alert in state.alerts.values()
    ]
    return json.dumps({"version": VERSION, "alerts": alerts}, indent=1)


def load(text: str) -> State:
    """Raises `ValueError` when ``text`` isn't what `dump` wrote."""
    try:
        data: dict[str, Any] = json.loads(text)
        if data["version"] != VERSION:
            raise ValueError(f"version {data['version']} of the state is not known")
        return State(
            Alert(
                rule=it["rule"],
                labels=dict(it["labels"]),
                annotations=dict(it["annotations"]),
                starts_at=int(it["starts_at"]),
                ends_at=None if it["ends_at"] is None else int(it["ends_at"]),
                told={name: Told(status, int(at)) for name, (status, at) in it["told"].items()},
            )
            for it in data["alerts"]
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no state of alerts: {error!r}") from error
