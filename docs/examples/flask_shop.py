"""Run it: gunicorn flask_shop:app -b 127.0.0.1:8000."""

import structlog

from flask import Flask

import mohflow

from mohflow.integrations import flask


mohflow.configure(service="shop")
log = structlog.get_logger("shop")
app = Flask(__name__)
flask.init_app(app)


@app.get("/orders/<int:number>")
def order(number: int) -> str:
    """Log inside of a request, and add to what is told of it."""
    log.info("order.read", order_id=number)
    mohflow.annotate(items=2)
    return "two items\n"


@app.get("/fail")
def fail() -> str:
    """Raise what nobody handles."""
    msg = "no stock"
    raise RuntimeError(msg)


@app.get("/healthz")
def health() -> str:
    """Answer a probe."""
    return "ok\n"
