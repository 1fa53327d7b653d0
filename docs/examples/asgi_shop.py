"""Run it: uvicorn asgi_shop:app --port 8000."""

import structlog

import mohflow

from mohflow.integrations.asgi import (
    Message,
    MohflowMiddleware,
    Receive,
    Scope,
    Send,
)


mohflow.configure(service="shop")
log = structlog.get_logger("shop")


async def shop(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer each path by hand, as no framework would."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/fail":
        msg = "no stock"
        raise RuntimeError(msg)
    body = b"ok\n"
    if scope["path"].startswith("/orders/"):
        number = int(scope["path"].rpartition("/")[2])
        log.info("order.read", order_id=number)
        mohflow.annotate(items=2)
        body = b"two items\n"
    start: Message = {"type": "http.response.start", "status": 200}
    await send(start)
    await send({"type": "http.response.body", "body": body})


app = MohflowMiddleware(shop)
