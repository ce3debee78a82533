"""One entry of a timeline in words: a line, and the lines below it that say what went wrong.

Input is an entry of the API's JSON. All text in it is others' and may hold anything: it is made printable here,
so that a log line can't move the cursor, ring the bell or write to the terminal's title.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.text import Text

from weftline.agent.semconv import PROXY_ROLE

Json = Mapping[str, Any]

LEVEL_STYLES: Final = {
    "ERROR": "bold red",
    "FATAL": "bold red",
    "CRITICAL": "bold red",
    "WARN": "yellow",
    "WARNING": "yellow",
}
SHORT_ROLES: Final = {"sidecar-inbound": "inbound", "sidecar-outbound": "outbound"}
SHORTEST_PATH: Final = 10
CUT: Final = "..."
RELAYED: Final = "via_upstream"
"""Envoy's detail for an answer that it only passed on."""


def printable(text: object) -> str:
    """``text`` with everything that isn't a visible character spelt out (``\\x1b``); tabs become blanks."""
    plain = str(text).replace("\t", "    ")
    if plain.isprintable():
        return plain
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "backslashreplace").decode("ascii") for one in plain
    )


def headline(entry: Json, service_style: str, *, arrow: str, room: int | None) -> Text:
    """The entry itself, on one line. With ``room``, a long path is cut: what came of the request matters more."""
    line = Text(end="")
    service = printable(entry["service"]) or "?"
    match entry["kind"]:
        case "access_log":
            line.append(_request(entry, service, service_style, arrow=arrow, room=room))
        case "attempt":
            line.append(_attempt(entry, service, service_style, arrow=arrow))
        case "span":
            if role := entry["resource"].get(PROXY_ROLE) or entry["attributes"].get(PROXY_ROLE):
                line.append(_proxy(service, service_style, role))
            else:
                line.append(service, service_style)
            line.append(f"  {printable(entry['name'])}")
            if entry["span_kind"] not in ("internal", "unspecified"):
                line.append(f" {entry['span_kind']}", "dim")
            status_code = entry["attributes"].get("http.response.status_code", "")
            if status_code.isdecimal():
                line.append(f" {arrow} ", "dim").append(code(int(status_code), ""))
            if entry["status"] == "error":
                line.append(" ERROR", "bold red")
                if entry["status_message"]:
                    line.append(f" {printable(entry['status_message'])}", "red")
        case _:
            level = printable(entry["severity_text"] or level_of(entry["severity_number"]))
            style = LEVEL_STYLES.get(level.upper(), "dim")
            first, *_ = entry["body"].splitlines() or [""]
            line.append(service, service_style).append(f"  {level} " if level else "  ", style)
            line.append(printable(first or entry["event_name"]), "red" if entry["error"] else "")
    if entry["parent_by"] == "inferred":
        line.append("  (place inferred)", "dim italic")
    return line


def _request(entry: Json, service: str, style: str, *, arrow: str, room: int | None) -> Text:
    line = Text(end="").append(_proxy(service, style, entry["proxy_role"]))
    line.append(f"  {printable(entry['method'])} ")
    path = printable(entry["path"])
    outcome, sent_to = _outcome(entry, arrow=arrow), _sent_to(entry)
    if room and room - line.cell_len - outcome.cell_len - sent_to.cell_len < min(len(path), SHORTEST_PATH):
        sent_to = Text()
    path = _cut(path, room and room - line.cell_len - outcome.cell_len - sent_to.cell_len)
    return line.append(path).append(outcome).append(sent_to)


def _attempt(entry: Json, service: str, style: str, *, arrow: str) -> Text:
    """``attempt 2 → 503  to 10.0.0.3:8080``; its number where the proxy counts."""
    line = Text(end="").append(_proxy(service, style, entry["proxy_role"]))
    line.append(f"  attempt {entry['upstream_attempts'] or ''}".rstrip())
    line.append(f" {arrow} ", "dim").append(code(entry["response_code"], entry["response_flags"]))
    if entry["upstream_host"]:
        line.append("  to ", "dim").append(printable(entry["upstream_host"]))
    return line


def _proxy(service: str, style: str, role: str) -> Text:
    """``proxy cart inbound``: which of a service's proxies, in the words of its operators."""
    text = Text(end="").append("proxy ", "dim").append(service, style)
    role = printable(SHORT_ROLES.get(role, role))
    return text if role in ("", service) else text.append(f" {role}", "dim")


def _outcome(entry: Json, *, arrow: str) -> Text:
    """What came of a proxy's request: code, flags, how often it was sent."""
    text = Text(end="").append(f" {arrow} ", "dim").append(code(entry["response_code"], entry["response_flags"]))
    if entry["upstream_attempts"] > 1:
        text.append(f" ({entry['upstream_attempts']} attempts)", "bold yellow")
    return text


def _sent_to(entry: Json) -> Text:
    """Where a proxy sent the request; an inbound one only ever sends it to its own service."""
    text = Text()
    if entry["upstream_cluster"] and entry["proxy_role"] != "sidecar-inbound":
        text.append("  to ", "dim").append(printable(entry["upstream_cluster"]))
    return text


def _cut(path: str, room: int | None) -> str:
    """The beginning of ``path`` where that leaves enough of it to be of use."""
    if room is None or len(path) <= room or room < SHORTEST_PATH:
        return path
    return path[: room - len(CUT)] + CUT


def code(response_code: int, response_flags: str) -> Text:
    """``503 UF,URX``, coloured by how bad it is."""
    bad = response_code >= 500 or response_code == 0
    style = "bold red" if bad else "yellow" if response_code >= 400 else "green"
    text = Text(str(response_code), style, end="")
    if response_flags:
        text.append(f" {printable(response_flags)}", "bold red" if style != "green" else "bold yellow")
    return text


def level_of(number: int) -> str:
    """The name of an OpenTelemetry severity number; '' for 0."""
    names = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
    return names[(number - 1) // 4] if 1 <= number <= 24 else ""


def details(entry: Json, *, verbose: bool) -> Iterator[Text]:
    """What belongs to the entry beyond its line: flags in words, reasons, exceptions, further lines of a message."""
    match entry["kind"]:
        case "access_log" | "attempt":
            yield from _proxy_details(entry)
        case "span":
            for event in entry["events"]:
                if event["name"] == "exception":
                    yield from _exception(event["attributes"], verbose=verbose)
        case _:
            for line in entry["body"].splitlines()[1:]:
                yield Text(printable(line), "red" if entry["error"] else "")
            yield from _exception(entry["attributes"], verbose=verbose)


def _proxy_details(entry: Json) -> Iterator[Text]:
    if entry["response_flags_text"]:
        yield Text(printable(entry["response_flags_text"]), "red")
    for field in ("upstream_transport_failure_reason", "connection_termination_details"):
        if entry[field]:
            yield Text(printable(entry[field]), "red")
    if entry["error"] and entry["response_code_details"] not in ("", RELAYED):
        yield Text(printable(entry["response_code_details"]), "dim")


def _exception(attributes: Json, *, verbose: bool) -> Iterator[Text]:
    kind, message = attributes.get("exception.type", ""), attributes.get("exception.message", "")
    stack = attributes.get("exception.stacktrace", "")
    if kind or message:
        first, *_ = message.splitlines() or [""]
        yield Text(": ".join(filter(None, (printable(kind), printable(first)))), "red")
    if verbose:
        for line in stack.splitlines():
            # Broken at the edge and not between words: its indentation is part of it.
            yield Text(printable(line), "dim", no_wrap=True)
