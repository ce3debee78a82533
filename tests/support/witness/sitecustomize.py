"""Sees what a program does without asking the agent: every statement SQLite runs, every log record made.

Python imports this at start-up of the programs that have its folder on PYTHONPATH, before the agent starts. SQLite is
asked to tell what each connection runs; logging is asked to make its records here. One line of JSON each goes to the
file $WITNESS.
"""

import json
import logging
import os
import sqlite3
import sys
import time

_FILE = os.open(os.environ["WITNESS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _note(**seen):
    os.write(_FILE, (json.dumps({"pid": os.getpid(), "ns": time.time_ns(), **seen}) + "\n").encode())


def _connect(*arguments, **named):
    connection = sys.modules["_sqlite3"].connect(*arguments, **named)  # looked up now: the agent may have woven it
    connection.set_trace_callback(lambda statement: _note(query=statement))
    return connection


def _record(*arguments, **named):
    record = logging.LogRecord(*arguments, **named)
    if record.levelno >= logging.INFO and not record.name.startswith("weftline"):
        _note(logger=record.name, level=record.levelname, text=record.getMessage())
    return record


sqlite3.connect = sqlite3.dbapi2.connect = _connect
logging.setLogRecordFactory(_record)
