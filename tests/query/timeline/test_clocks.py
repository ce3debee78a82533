"""Clocks of hosts that disagree: what callers' and callees' rows show of it. Random trees whose true times are known."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import shop
from support.rows import MS, START, TRANSACTION, access, log, span
from weftline.collector.store.protocol import Row, SpanRow
from weftline.query.timeline import assemble

US = 1_000
LEEWAY = 2 * US
"""ns: times of two rows, each exact to a microsecond."""


def requests(seed: int, hosts: int, *, proxies: bool) -> list[Row]:
    """A tree of calls, each from one host to another and answered within the call; times as one true clock has them."""
    pick = random.Random(seed)
    rows: list[Row] = []
    number = 0

    def serve(host: int, parent: str, since: int, until: int, depth: int) -> None:
        nonlocal number
        number += 1
        own = f"{number:x}"
        where = {"service": f"s{host}", "ms": 0.0, "took": 0.0}
        if proxies:
            role = "sidecar-inbound" if depth else "edge"
            row: Row = access(role, own, parent, f"f{number:x}", **where)  # type: ignore[arg-type]
            sent = f"f{number:x}"
        else:
            row = span("serve", own, parent, kind="server", **where)  # type: ignore[arg-type]
            sent = own
        rows.append(replace(row, time=START + since, duration=until - since))
        at = since
        for _ in range(pick.randint(0, 3) if depth < 4 else 0):
            room = until - at
            if room < 40 * US:
                break
            begin = at + pick.randint(1, room // 4)
            end = begin + pick.randint(20 * US, max(20 * US + 1, (until - begin) * 3 // 4))
            if end >= until:
                break
            if not proxies:
                number += 1
                sent = f"c{number:x}"
                call = span("call", sent, own, kind="client", service=f"s{host}")
                rows.append(replace(call, time=START + begin, duration=end - begin))
            other = pick.choice([it for it in range(hosts) if it != host])
            serve(other, sent, begin + pick.randint(1, 9 * US), end - pick.randint(1, 9 * US), depth + 1)
            at = end

    serve(0, "", 7 * US, 400_000 * US + 7, 0)
    return rows


def skewed(rows: list[Row], skews: dict[str, int]) -> list[Row]:
    return [replace(row, time=row.time + skews.get(row.service, 0)) for row in rows]


SKEWS = st.dictionaries(
    st.sampled_from(["s1", "s2", "s3"]), st.integers(-30_000 * MS, 30_000 * MS), max_size=3
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), SKEWS, st.booleans())
def test_corrected_callees_begin_within_their_calls_and_raw_times_stay(seed: int, skews: dict[str, int], proxies: bool) -> None:  # fmt: skip
    rows = skewed(requests(seed, 4, proxies=proxies), skews)
    timeline = assemble(TRANSACTION, rows)
    assert sorted(map(id, rows)) == sorted(id(entry.row) for entry in timeline.entries)
    for entry in timeline.entries:
        if entry.parent is None:
            assert entry.correction == 0, "the root's clock is the one the others go by"
            continue
        cause = timeline.entries[entry.parent]
        begin, end = entry.offset + entry.correction, entry.offset + entry.correction + _took(entry.row)
        earliest = cause.offset + cause.correction
        assert begin >= earliest - LEEWAY
        if proxies:
            assert end <= earliest + _took(cause.row) + LEEWAY
    for clock in timeline.clocks:
        (service,) = clock.services
        truth = -skews.get(service, 0)
        if clock.earliest is not None:
            assert clock.earliest <= truth
        if clock.latest is not None:
            assert truth <= clock.latest
        if proxies and clock.pairs:
            assert clock.earliest is not None
            assert clock.latest is not None
            assert clock.earliest <= clock.correction <= clock.latest


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_clocks_that_agree_are_left_alone(seed: int, proxies: bool) -> None:
    timeline = assemble(TRANSACTION, requests(seed, 4, proxies=proxies))
    assert {clock.correction for clock in timeline.clocks} == {0}


@pytest.mark.parametrize("seconds", [-5.0, 5.0])
@pytest.mark.parametrize("sampled", [True, False])
def test_a_wrong_clock_moves_one_host_and_neither_order_nor_duration(seconds: float, sampled: bool) -> None:
    right = assemble(TRANSACTION, shop.success(sampled=sampled))
    wrong = assemble(TRANSACTION, shop.shifted(shop.success(sampled=sampled), "payment", seconds))
    assert [_label(entry.row) for entry in wrong.entries] == [_label(entry.row) for entry in right.entries]
    assert wrong.summary.duration == right.summary.duration
    moved = {entry.row.service: entry.correction for entry in wrong.entries if entry.correction}
    assert set(moved) == {"payment"}
    assert abs(moved["payment"] + seconds * 1000 * MS) < 2 * MS
    (clock,) = [clock for clock in wrong.clocks if "payment" in clock.services]
    assert clock.earliest is not None
    assert clock.latest is not None
    assert clock.earliest <= -seconds * 1000 * MS <= clock.latest
    assert clock.latest - clock.earliest < 14 * MS


def test_a_proxy_and_its_application_have_one_clock() -> None:
    timeline = assemble(TRANSACTION, shop.success())
    assert [clock.services for clock in timeline.clocks] == [("edge",), ("cart",), ("payment",)]


def test_a_host_that_the_resource_names_is_one_clock_for_all_its_services() -> None:
    laptop = {"host.name": "laptop"}
    rows = [
        span("a", "a", took=10, resource=laptop),
        span("b", "b", "a", ms=-1, service="payment", resource=laptop, kind="server"),
    ]
    timeline = assemble(TRANSACTION, rows)
    (clock,) = timeline.clocks
    assert set(clock.services) == {"cart", "payment"}
    assert {entry.correction for entry in timeline.entries} == {0}


def test_istios_node_id_names_the_pod() -> None:
    node = "sidecar~10.1.2.3~cart-5d9f-x.shop~shop.svc.cluster.local"
    inbound = replace(access("sidecar-inbound", "a", "", "b", took=9), node_id=node)
    app = span("GET /", "c", "zz", ms=1, kind="server", resource={"host.name": "cart-5d9f-x"})
    assert len(assemble(TRANSACTION, [inbound, app]).clocks) == 1


def test_two_pods_of_one_service_have_two_clocks() -> None:
    caller = span("call", "a", took=10, kind="client", resource={"host.name": "cart-1"})
    callee = span("serve", "b", "a", ms=-100, took=4, kind="server", resource={"host.name": "cart-2"})
    timeline = assemble(TRANSACTION, [caller, callee])
    assert sorted(clock.correction for clock in timeline.clocks) == [0, 103 * MS]


def test_a_message_that_is_worked_on_later_is_no_wrong_clock() -> None:
    sent = span("send", "a", took=1, kind="producer")
    worked = span("process", "b", "a", ms=60_000, took=10, kind="consumer", service="mailer")
    assert {entry.correction for entry in assemble(TRANSACTION, [sent, worked]).entries} == {0}


def test_work_that_goes_on_after_the_caller_gave_up_is_no_wrong_clock() -> None:
    call = span("call", "a", took=50, kind="client")
    work = span("serve", "b", "a", ms=2, took=900, kind="server", service="payment")
    assert {entry.correction for entry in assemble(TRANSACTION, [call, work]).entries} == {0}


def test_ids_that_contradict_each_other_end_somewhere_and_say_nothing_of_bounds() -> None:
    rows: list[Row] = [
        span("root", "a", took=100, kind="client"),
        span("one", "b", "a", ms=-500, took=1, kind="server", service="payment"),
        span("two", "c", "a", ms=900, took=1, kind="server", service="payment"),
    ]
    timeline = assemble(TRANSACTION, rows)
    (clock,) = [clock for clock in timeline.clocks if clock.services == ("payment",)]
    assert (clock.earliest, clock.latest) == (None, None)
    assert 0 <= 500 * MS - clock.correction <= 2 * MS


def test_what_nothing_relates_is_left_alone_and_unbounded() -> None:
    rows: list[Row] = [span("root", "a", took=100), log("stray", service="batch", ms=-9000)]
    (stray,) = [clock for clock in assemble(TRANSACTION, rows).clocks if clock.services == ("batch",)]
    assert (stray.correction, stray.earliest, stray.latest, stray.pairs) == (0, None, None, 0)


def _took(row: Row) -> int:
    return getattr(row, "duration", 0)


def _label(row: Row) -> str:
    return f"{type(row).__name__} {row.service} {row.span_id} {row.name if isinstance(row, SpanRow) else ''}"
