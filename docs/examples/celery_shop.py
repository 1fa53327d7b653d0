"""Run it: celery -A celery_shop worker --pool=prefork."""

import os

import structlog

from celery import Celery

import mohflow

from mohflow.integrations import celery


mohflow.configure(service="shop")
log = structlog.get_logger("shop")
# A broker of files, so that the example needs no server.
for folder in ("queue", "control"):
    os.makedirs(folder, exist_ok=True)
app = Celery("shop", broker="filesystem://localhost")
app.conf.broker_transport_options = {
    "data_folder_in": "queue",
    "data_folder_out": "queue",
    "control_folder": "control",
}
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
