"""Run it: celery -A celery_shop worker --pool=prefork."""

import structlog

from celery import Celery

import mohflow

from mohflow.integrations import celery


mohflow.configure(service="shop")
log = structlog.get_logger("shop")
# A broker in a file, so that the example needs no server.
app = Celery("shop", broker="sqla+sqlite:///broker.db")
celery.init_app(app)


@app.task
def ship(number: int) -> None:
    """Log inside of a task, and hand on to another."""
    log.info("order.shipped", order_id=number)
    bill.delay(number)


@app.task
def bill(number: int) -> None:
    """Raise what nobody handles."""
    msg = "no account"
    raise RuntimeError(msg)
