"""Run it: uvicorn fastapi_shop:app --port 8000."""

import structlog

from fastapi import FastAPI

import mohflow

from mohflow.integrations import fastapi


mohflow.configure(service="shop")
log = structlog.get_logger("shop")
app = FastAPI()
fastapi.init_app(app)


@app.get("/orders/{number}")
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
