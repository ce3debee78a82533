"""The shop's cart: takes orders and has payment charge them. Knows nothing of tracing.

PAYMENT_URL=http://… weftline-agent run flask --app weftline.deploy.demo.cart run
"""

import logging
import os

import requests
from flask import Flask, request

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the development server's own request lines
logger = logging.getLogger("cart")

app = Flask("cart")


@app.post("/checkout")
def checkout() -> tuple[dict[str, str], int]:
    """Charge ``order``; answers with payment's status. ``case`` is passed on for payment to act upon."""
    order = request.args["order"]
    logger.info("checkout of order %s", order)
    answer = requests.post(f"{os.environ['PAYMENT_URL']}/charge", params=request.args, timeout=10)
    if answer.status_code != 200:
        logger.error("order %s is not paid: payment answered %d", order, answer.status_code)
        return {"order": order, "state": "not paid"}, answer.status_code
    logger.info("order %s is paid", order)
    return {"order": order, "state": "paid"}, 200
