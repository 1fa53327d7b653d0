"""Run it: gunicorn django_shop:application -b 127.0.0.1:8000."""

import django
import structlog

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

import mohflow


mohflow.configure(service="shop")
log = structlog.get_logger("shop")
settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only-an-example",  # noqa: S106
    MIDDLEWARE=[
        "mohflow.integrations.django.MohflowMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
)
django.setup()


def order(request: HttpRequest, number: int) -> HttpResponse:
    """Log inside of a request, and add to what is told of it."""
    log.info("order.read", order_id=number)
    mohflow.annotate(items=2)
    return HttpResponse("two items\n")


def fail(request: HttpRequest) -> HttpResponse:
    """Raise what nobody handles."""
    msg = "no stock"
    raise RuntimeError(msg)


def health(request: HttpRequest) -> HttpResponse:
    """Answer a probe."""
    return HttpResponse("ok\n")


urlpatterns = [
    path("orders/<int:number>", order),
    path("fail", fail),
    path("healthz", health),
]
application = get_wsgi_application()
