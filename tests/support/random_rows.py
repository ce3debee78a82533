"""Rows of a transaction at random, for laws that hold however odd it is."""

import random

from support.rows import access, attempt, log, span
from weftline.collector.store.protocol import Row

SERVICES = ["edge", "cart", "payment"]
ROLES = ["edge", "sidecar-inbound", "sidecar-outbound", ""]


def random_rows(seed: int) -> list[Row]:
    """Few ids and few times, so that ids collide, cycles form, times tie and rows repeat."""
    pick = random.Random(seed)
    ids = ["", *(format(n, "x") for n in range(1, pick.randint(2, 12)))]
    rows: list[Row] = []
    for n in range(pick.randint(0, 30)):
        one, two, three = (pick.choice(ids) for _ in range(3))
        ms, took, service = pick.randint(-3, 6), pick.randint(0, 5), pick.choice(SERVICES)
        match pick.randrange(4):
            case 3:
                rows.append(
                    attempt(pick.choice(ROLES), one, number=pick.randint(0, 2), ms=ms, took=took, service=service)
                )
            case 0:
                kind = pick.choice(["server", "client", "internal", "consumer"])
                resource = {"weftline.proxy.role": role} if (role := pick.choice(ROLES)) else {}
                rows.append(
                    span(f"s{n}", one or "f", two, ms=ms, took=took, service=service, kind=kind, resource=resource)
                )
            case 1:
                rows.append(log(f"l{n}", one, ms=ms, service=service, arrived=two if pick.random() < 0.5 else ""))
            case _:
                role, attempts = pick.choice(ROLES), pick.randint(0, 3)
                rows.append(access(role, one, two, three, ms=ms, took=took, service=service, attempts=attempts))
        if pick.random() < 0.1:
            rows.append(rows[-1])
    return rows
