"""A Celery application that knows nothing of weftline: run by real workers in tests/agent/plugins/test_celery.py."""

import os

from celery import Celery, chain
from celery.exceptions import Ignore
from celery.utils.log import get_task_logger

app = Celery("shop", broker=os.environ.get("SHOP_BROKER", "memory://"), backend=os.environ.get("SHOP_BROKER"))
app.conf.update(worker_hijack_root_logger=True, broker_connection_retry_on_startup=True)
log = get_task_logger("shop")


@app.task(bind=True)
def charge(self, order):
    log.info("charging %s", order)
    return {name: value for name, value in vars(self.request).items() if name.startswith(("trace", "x-"))}


@app.task
def add(a, b):
    log.info("adding %s and %s", a, b)
    return a + b


@app.task
def total(order):
    """Sends a chain from within a worker."""
    log.info("total of %s", order)
    return chain(add.s(1, 2), add.s(4)).apply_async().id


@app.task
def broken():
    log.info("about to break")
    raise LookupError("no such order")


@app.task(bind=True, max_retries=2)
def unsteady(self):
    log.info("try %d", self.request.retries)
    if self.request.retries < 2:
        raise self.retry(exc=ConnectionError("bank is away"), countdown=0)
    return "paid"


@app.task
def ignored():
    raise Ignore
