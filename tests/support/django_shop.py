"""A small Django project in one module: settings, URLs, views, and `application` for WSGI, `asgi` for ASGI servers."""

import asyncio
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import include, path, re_path

import weftline.agent

LOG = logging.getLogger("shop")

if not settings.configured:
    settings.configure(
        DEBUG=False,
        SECRET_KEY="not a secret",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        LOGGING_CONFIG=None,
        USE_TZ=True,
    )
    django.setup()


def order(request: HttpRequest, number: int) -> JsonResponse:
    LOG.info("order %s", number)
    return JsonResponse({"transaction": weftline.agent.transaction_id(), "process": os.getpid()})


async def awaited(request: HttpRequest) -> JsonResponse:
    await asyncio.sleep(0)
    LOG.info("awaited")
    return JsonResponse({"transaction": weftline.agent.transaction_id()})


def fails(request: HttpRequest) -> HttpResponse:
    raise LookupError("no such thing")


def missing(request: HttpRequest) -> HttpResponse:
    raise Http404("no such order")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def body() -> Iterator[str]:
        LOG.info("streaming")
        yield str(weftline.agent.transaction_id())

    return StreamingHttpResponse(body())


urlpatterns: list[Any] = [
    path("orders/<int:number>/", order),
    path("api/", include([path("awaited/", awaited)])),
    re_path(r"^old/(?P<number>\d+)$", order),
    path("fails/", fails),
    path("missing/", missing),
    path("stream/", stream),
]
application = get_wsgi_application()
asgi = get_asgi_application()

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
