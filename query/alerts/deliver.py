"""Sends notifications: to Alertmanager's API v2, or to a webhook in the shape Alertmanager gives its own."""

import http.client
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any, Final

from weftline.query.alerts.state import ENDS_AFTER, Alert, Notification

TIMEOUT: Final = 10.0
"""Seconds a receiver may take."""
NOT_YET: Final = "0001-01-01T00:00:00Z"
"""Go's zero time: what Alertmanager's webhooks write for the end of what still fires."""
COME_BACK: Final = frozenset({408, 425, 429})
TRIED_AGAIN: Final = 500


class ReceiverAway(Exception):  # noqa: N818 - named after what the caller does next: try later
    """The receiver didn't answer, or asked to come back."""


class ReceiverRefused(Exception):  # noqa: N818 - as above: give this notification up
    """The receiver will never take this; the text has its answer."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """urllib would follow with a GET and without the body, and call that delivered."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def deliver(notification: Notification, now: int) -> None:
    """Send; returns when the receiver has taken it. Raises `ReceiverAway` or `ReceiverRefused`."""
    receiver = notification.receiver
    url = receiver.url.rstrip("/")
    if receiver.alertmanager:
        url = url if url.endswith("/api/v2/alerts") else f"{url}/api/v2/alerts"
        body: Any = [alertmanager_alert(alert, now) for alert in notification.alerts]
    else:
        url, body = receiver.url, webhook(notification)
    request = urllib.request.Request(  # noqa: S310 - the rules file allows http and https only
        url,
        json.dumps(body).encode(),
        {"content-type": "application/json", "user-agent": "weftline", **receiver.headers},
        method="POST",
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(500).decode("utf-8", "replace").strip()
        if error.code >= TRIED_AGAIN or error.code in COME_BACK:
            raise ReceiverAway(f"it answered {error.code}: {said}") from error
        raise ReceiverRefused(f"it answered {error.code}: {said}") from error
    except (OSError, http.client.HTTPException) as error:
        raise ReceiverAway(str(getattr(error, "reason", error))) from error
    except ValueError as error:
        raise ReceiverRefused(str(error)) from error


def alertmanager_alert(alert: Alert, now: int) -> dict[str, Any]:
    """A `postableAlert` of Alertmanager's OpenAPI v2."""
    return {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": _time(alert.starts_at),
        "endsAt": _time(now + ENDS_AFTER if alert.ends_at is None else alert.ends_at),
    }


def webhook(notification: Notification) -> dict[str, Any]:
    """Version 4 of the body that Alertmanager sends to webhooks."""
    alerts = notification.alerts
    common = set.intersection(*(set(alert.labels.items()) for alert in alerts))
    return {
        "version": "4",
        "groupKey": f"{{}}:{{receiver={json.dumps(notification.receiver.name)}}}",
        "truncatedAlerts": 0,
        "status": "firing" if any(alert.ends_at is None for alert in alerts) else "resolved",
        "receiver": notification.receiver.name,
        "groupLabels": {},
        "commonLabels": dict(sorted(common)),
        "commonAnnotations": {},
        "externalURL": "",
        "alerts": [
            {
                "status": alert.status,
                "labels": alert.labels,
                "annotations": alert.annotations,
                "startsAt": _time(alert.starts_at),
                "endsAt": NOT_YET if alert.ends_at is None else _time(alert.ends_at),
                "generatorURL": "",
                "fingerprint": alert.fingerprint,
            }
            for alert in alerts
        ],
    }


def _time(nanoseconds: int) -> str:
    """RFC 3339."""
    moment = datetime.fromtimestamp(nanoseconds // 10**9, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 10**6 % 1000:03}Z"
