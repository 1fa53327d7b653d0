"""Run it: gunicorn wsgi_shop:app -b 127.0.0.1:8000."""

from collections.abc import Iterable

import structlog

import mohflow

from mohflow.integrations.wsgi import Environ, MohflowMiddleware, StartResponse


mohflow.configure(service="shop")
log = structlog.get_logger("shop")


def shop(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer each path by hand, as no framework would."""
    path = environ["PATH_INFO"]
    if path == "/fail":
        msg = "no stock"
        raise RuntimeError(msg)
    body = b"ok\n"
    if path.startswith("/orders/"):
        log.info("order.read", order_id=int(path.rpartition("/")[2]))
        mohflow.annotate(items=2)
        body = b"two items\n"
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


app = MohflowMiddleware(shop)
