"""The shop's payment service: charges an order, in the way ``case`` asks for. Knows nothing of tracing.

LEDGER_URL=http://… weftline-agent run uvicorn weftline.deploy.demo.payment:app
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request, Response

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
logger = logging.getLogger("payment")

SLOW_SECONDS = 2.0
"""Twice what the caller's proxy waits (mesh.py)."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One client for the ledger, as long as the service runs."""
    async with httpx.AsyncClient(base_url=os.environ["LEDGER_URL"]) as ledger:
        app.state.ledger = ledger
        yield


app = FastAPI(lifespan=lifespan)


class CardDeclinedError(Exception):
    """The card network said no."""


@app.post("/charge", response_model=None)
async def charge(order: str, request: Request, response: Response, case: str = "") -> dict[str, str] | Response:
    """Charge ``order``. Which way it goes depends on nothing but the request."""
    logger.info("charging order %s", order)
    if case == "declined":
        try:
            decline(order)
        except CardDeclinedError:
            logger.exception("order %s can't be charged", order)
            raise
    if case == "slow":
        logger.warning("the card network is slow, waiting for order %s", order)
        await asyncio.sleep(SLOW_SECONDS)
    if case == "busy" and request.headers.get("x-envoy-attempt-count", "1") == "1":
        logger.warning("the card network is busy, order %s should be sent again", order)
        # No body: a proxy that asks again cuts the first answer off as soon as it has read the headers.
        return Response(status_code=503, headers={"retry-after": "0"})
    if case == "booked":
        answer = await app.state.ledger.post("/entries", params={"order": order})
        if answer.status_code != 200:
            logger.error("order %s is not booked: the ledger answered %d", order, answer.status_code)
            response.status_code = answer.status_code
            return {"order": order, "state": "not booked"}
    logger.info("order %s is charged", order)
    return {"order": order, "state": "charged"}


def decline(order: str) -> None:
    """What the card network does to some orders."""
    raise CardDeclinedError(f"card of order {order} declined")
