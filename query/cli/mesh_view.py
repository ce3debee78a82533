"""Draws the proxies' health in the terminal: a line a proxy, and below it what deserves attention.

proxy                         finished   recorded     lost
edge-1  edge                     1,203      1,203        0
  to cart  circuit breaker rq_pending open at 8 % of looks, 48 refused (pending)
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from weftline.query.cli.entry_text import printable

Json = Mapping[str, Any]

FIGURES: Final = 32
"""Columns of the three figures."""
COUNTED: Final = (
    ("retry_overflow", "retry not made (overflow)", "retries not made (overflow)", "red"),
    ("connect_failures", "connection failed", "connections failed", "red"),
    ("ejections", "host ejected", "hosts ejected", "red"),
    ("timeouts", "timeout", "timeouts", "yellow"),
    ("retry_limit_exceeded", "time retries used up", "times retries used up", "yellow"),
    ("connections_overflow", "time no further connection allowed", "times no further connection allowed", "yellow"),
)
"""What of a cluster is told when it isn't zero: its name, in words for one and for many, its style."""
SLOW_CONNECT_MS: Final = 100
"""From which on the time a connection takes is worth a word."""


def draw_mesh(answer: Json, console: Console, *, verbose: bool = False) -> None:
    """Print ``answer`` (the API's JSON) to ``console``; no line is wider."""
    width = console.width
    room = max(width - FIGURES, 12)
    _print(Text(f"{'proxy':<{room}}{'finished':>11}{'recorded':>11}{'lost':>10}", "dim"), console)
    for proxy in answer["proxies"]:
        name = Text(printable(proxy["node_id"]), "bold")
        if proxy["service"] not in ("", proxy["node_id"]):
            name.append(f"  {printable(proxy['service'])}", "not bold dim")
        name.truncate(room - 1, overflow="ellipsis" if not console.options.ascii_only else "crop", pad=False)
        line = name + " " * (room - name.cell_len)
        line.append(f"{proxy['finished']:>11,}{proxy['recorded']:>11,}")
        line.append(f"{proxy['lost']:>10,}", "bold red" if proxy["loses"] else "green" if not proxy["lost"] else "")
        _print(line, console)
        for remark in remarks(proxy, verbose=verbose):
            wrapped = remark.wrap(Console(width=width), max(width - 4, 12), overflow="fold")
            for number, part in enumerate(wrapped):
                _print(Text("  " if number == 0 else "    ") + part, console)


def remarks(proxy: Json, *, verbose: bool = False) -> Iterator[Text]:
    """What deserves attention, a line each; with ``verbose`` every cluster and listener."""
    if proxy["loses"] and not proxy["recorded"]:
        yield Text("no access log arrived: it sends none, or they don't name this node", "red")
    elif proxy["loses"]:
        yield Text(f"access logs are lost: {proxy['dropped']:,} dropped by its own account", "red")
    elif -proxy["lost"] > proxy["uncertainty"]:
        yield Text("more access logs than requests: they arrive twice, or the clocks disagree", "yellow")
    if proxy["spans_dropped"]:
        yield Text(f"{proxy['spans_dropped']:,} spans dropped", "yellow")
    for listener in proxy["listeners"]:
        if listener["uneven"] or verbose:
            shares = "/".join(str(count) for count in listener["connections"].values())
            text = Text(f"{printable(listener['address'])}  ", "dim")
            text.append(f"connections by worker {shares}", "yellow" if listener["uneven"] else "")
            yield text.append(": the busiest has too many" if listener["uneven"] else "")
    for cluster in proxy["clusters"]:
        facts = list(_facts(cluster))
        if verbose and not facts:
            facts = [("well", "green")]
        if verbose:
            facts.append((_plain(cluster), "dim"))
        if facts:
            line = Text(f"to {printable(cluster['name'])}  ")
            for number, (fact, style) in enumerate(facts):
                line.append(", " if number else "").append(fact, style)
            yield line


def _facts(cluster: Json) -> Iterator[tuple[str, str]]:
    for breaker, share in cluster["breakers_open"].items():
        yield f"circuit breaker {printable(breaker)} open at {share:.0%} of looks", "red"
    refused = {"pending": cluster["pending_overflow"], "requests": cluster["requests_overflow"]}
    for what, count in refused.items():
        if count:
            yield f"{count:,} refused ({what})", "red"
    for name, one, many, style in COUNTED:
        if count := cluster[name]:
            yield f"{count:,} {one if count == 1 else many}", style
    if cluster["healthy_hosts"] < cluster["hosts"]:
        yield f"{cluster['healthy_hosts']} of {cluster['hosts']} hosts healthy", "red"
    if cluster["connect_ms"] is not None and cluster["connect_ms"] >= SLOW_CONNECT_MS:
        yield f"a connection takes {cluster['connect_ms']:.0f} ms", "yellow"


def _plain(cluster: Json) -> str:
    connect = "" if cluster["connect_ms"] is None else f", connect {cluster['connect_ms']:.1f} ms"
    return (
        f"{cluster['requests']:,} requests, {cluster['retries']:,} retries, {cluster['waited']:,} waited for a "
        f"connection (at most {cluster['most_waiting']:,} at a look){connect}"
    )


def _print(line: Text, console: Console) -> None:
    if console.options.ascii_only:
        line.plain = line.plain.encode("ascii", "backslashreplace").decode("ascii")
    line.truncate(console.width)
    line.rstrip()
    console.print(line, highlight=False, no_wrap=True)
