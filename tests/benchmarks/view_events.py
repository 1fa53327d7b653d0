"""The log of a small shop, in our format and in those of the rivals."""

from __future__ import annotations

import random

from datetime import UTC, datetime
from itertools import cycle

import orjson


LEVELS = {"debug": 20, "info": 30, "warning": 40, "error": 50}
"""Their numbers in pino and bunyan."""

TRACEBACK = """\
Traceback (most recent call last):
  File "/srv/shop/orders.py", line 41, in pay
    return bank.charge(order.amount)
  File "/srv/shop/bank.py", line 17, in charge
    raise TimeoutError("no answer from bank")
TimeoutError: no answer from bank"""

COMMON = (
    ("info", "request.finished"),
    ("debug", "query.done"),
    ("info", "user.login"),
    ("debug", "cache.missed"),
    ("info", "request.finished"),
    ("info", "order.paid"),
    ("debug", "query.done"),
    ("info", "request.finished"),
    ("warning", "stock.low"),
    ("info", "request.finished"),
)
EVERY_HUNDREDTH = ("error", "order.failed")


def fields(event, ids):
    """Return the fields of an event, with values of its own."""
    user = {"user_id": ids.randrange(10**6)}
    duration = {"duration_ms": round(ids.random() * 300, 2)}
    number = ids.randrange(10**7)
    return {
        "request.finished": lambda: {
            **user,
            "method": "GET",
            "path": f"/api/v1/orders/{number}",
            "status": 200,
            **duration,
        },
        "query.done": lambda: {
            "statement": "select * from orders where user_id = $1",
            "rows": number % 50,
            **duration,
        },
        "user.login": lambda: {**user, "method": "password", **duration},
        "cache.missed": lambda: {"key": f"order:{number}"},
        "order.paid": lambda: {
            **user,
            "order_id": number,
            "amount": number % 10**5 / 100,
            "currency": "EUR",
        },
        "stock.low": lambda: {
            "sku": f"A-{number}",
            "left": number % 5,
            "warehouses": [number % 7, 7 + number % 3],
        },
        "order.failed": lambda: {**user, "order_id": number},
    }[event]()


def events():
    """Yield one event a millisecond, each with ids of its own."""
    ids = random.Random(7)
    start = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
    for number, kind in enumerate(cycle(COMMON)):
        level, event = kind if number % 100 else EVERY_HUNDREDTH
        yield {
            "time": start + number / 1000,
            "level": level,
            "event": event,
            "fields": {
                "correlation_id": f"{ids.getrandbits(128):032x}",
                **fields(event, ids),
            },
        }


def iso(seconds, digits):
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec=digits)
    return text.replace("+00:00", "Z")


def mohflow_line(event):
    failed = event["level"] == "error"
    return {
        "timestamp": iso(event["time"], "microseconds"),
        "level": event["level"],
        "event": event["event"],
        "logger": "shop.accounts",
        "service": "shop",
        "environment": "prod",
        **event["fields"],
        **({"exception": TRACEBACK} if failed else {}),
    }


def error(event):
    if event["level"] != "error":
        return {}
    name, _, message = TRACEBACK.splitlines()[-1].partition(": ")
    return {"err": {"name": name, "message": message, "stack": TRACEBACK}}


def bunyan_line(event):
    return {
        "name": "shop.accounts",
        "hostname": "shop-1",
        "pid": 1,
        "level": LEVELS[event["level"]],
        "service": "shop",
        "environment": "prod",
        **event["fields"],
        **error(event),
        "msg": event["event"],
        "time": iso(event["time"], "milliseconds"),
        "v": 0,
    }


def pino_line(event):
    return {
        "level": LEVELS[event["level"]],
        "time": round(event["time"] * 1000),
        "pid": 1,
        "hostname": "shop-1",
        "name": "shop.accounts",
        "service": "shop",
        "environment": "prod",
        **event["fields"],
        **error(event),
        "msg": event["event"],
    }


FORMATS = {"mohflow": mohflow_line, "bunyan": bunyan_line, "pino": pino_line}


def write_files(folder, megabytes):
    """Write the same events in every format; return how many."""
    files = {name: (folder / name).open("wb") for name in FORMATS}
    for count, event in enumerate(events(), 1):
        for name, file in files.items():
            file.write(orjson.dumps(FORMATS[name](event)) + b"\n")
        if not count % 1000 and files["mohflow"].tell() >= megabytes * 10**6:
            break
    for file in files.values():
        file.close()
    return count
