"""`import weftline.agent.auto` starts the agent. Whatever goes wrong, the program goes on without it."""

import logging

from weftline.agent import start

try:
    start()
except Exception:
    logging.getLogger("weftline.agent").exception("The agent could not be started; the program runs without it.")
