"""GET /health: 200 while look-ups work, 503 naming what is wrong."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from weftline.collector.errors import TryLater
from weftline.collector.store.protocol import Reader


class Health(BaseModel):
    """``checks`` names every part asked, with `ok` or what is wrong with it."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str]


def router(reader: Reader) -> APIRouter:
    routes = APIRouter(tags=["health"])

    @routes.get("/health", summary="Whether look-ups work", responses={503: {"model": Health}})
    def health(response: Response) -> Health:
        try:
            reader.check()
        except TryLater as error:
            response.status_code = 503
            return Health(status="unavailable", checks={"store": str(error)})
        return Health(status="ok", checks={"store": "ok"})

    return routes
