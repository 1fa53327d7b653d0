"""The programs that web.py serves: one endpoint, with and without logging."""

from __future__ import annotations

from environments import OURS


CONNECTIONS = 8

FASTAPI = """
    from fastapi import FastAPI
    app = FastAPI()

    @app.get("/items/{number}")
    async def item(number: int):
        return "ok"
"""

FLASK = """
    from flask import Flask
    app = Flask(__name__)

    @app.get("/items/<int:number>")
    def item(number):
        return "ok"
"""

DJANGO = """
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    INSTALLED_APPS = []
    {0}
    settings.configure(
        ALLOWED_HOSTS=["*"], ROOT_URLCONF="app", SECRET_KEY="none",
        MIDDLEWARE=MIDDLEWARE, INSTALLED_APPS=INSTALLED_APPS,
        LOGGING_CONFIG=None,
    )
    django.setup()

    def item(request, number):
        return HttpResponse("ok")

    urlpatterns = [path("items/<int:number>", item)]
    app = get_wsgi_application()
"""

OURS_IN = """
    import mohflow
    mohflow.configure(console=mohflow.ConsoleOptions(format="json"))
    from mohflow.integrations import {0} as integration
    integration.init_app(app)
"""

ASGI_CORRELATION_ID = """
    from asgi_correlation_id import CorrelationIdMiddleware
    app.add_middleware(CorrelationIdMiddleware)
"""

# The access line of uvicorn, with the id, as the package's page shows it.
ID_IN_ACCESS_LINE = """
    import logging, sys
    from asgi_correlation_id import CorrelationIdFilter
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(CorrelationIdFilter())
    form = "%(asctime)s %(levelname)s [%(correlation_id)s] %(message)s"
    handler.setFormatter(logging.Formatter(form))
    logger = logging.getLogger("uvicorn.access")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
"""

# One event of structlog for each request, with the fields of ours that a
# middleware by hand has at once. Below the middleware that makes the id.
STRUCTLOG_BY_HAND = """
    import sys, time, structlog
    from asgi_correlation_id import correlation_id

    def add_correlation(logger, method_name, event_dict):
        if request_id := correlation_id.get():
            event_dict["request_id"] = request_id
        return event_dict

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            add_correlation,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    log = structlog.get_logger()

    @app.middleware("http")
    async def access(request, call_next):
        begun = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        response = await call_next(request)
        log.info(
            "request_finished",
            method=request.method,
            path=request.url.path,
            status=response.status_code,
            duration_ms=(time.perf_counter() - begun) * 1000,
            client=request.client.host,
            user_agent=request.headers.get("user-agent"),
        )
        return response
"""

# As the getting-started page of django-structlog shows it, with JSON lines.
DJANGO_STRUCTLOG = """
    import logging, sys, structlog
    MIDDLEWARE.insert(0, "django_structlog.middlewares.RequestMiddleware")
    INSTALLED_APPS.append("django_structlog")
    formatter = structlog.stdlib.ProcessorFormatter(
        processor=structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            structlog.processors.UnicodeDecoder(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
"""

DJANGO_OURS = """
    import mohflow
    mohflow.configure(console=mohflow.ConsoleOptions(format="json"))
    MIDDLEWARE.insert(0, "mohflow.integrations.django.MohflowMiddleware")
"""

UVICORN = ["-m", "uvicorn", "app:app", "--port", "{port}"]
QUIET = [*UVICORN, "--no-access-log"]
GUNICORN = ["-m", "gunicorn", "app:app", "-b", "127.0.0.1:{port}"]
GUNICORN += ["--threads", str(CONNECTIONS), "--log-level", "warning"]

OF_FASTAPI = (OURS, "asgi-correlation-id", "fastapi", "uvicorn[standard]")
OF_FLASK = (OURS, "flask", "gunicorn")
OF_DJANGO = (OURS, "django-structlog", "django", "gunicorn")

VARIANTS = {
    "FastAPI": (FASTAPI, QUIET, OF_FASTAPI),
    "FastAPI, access line of uvicorn": (FASTAPI, UVICORN, OF_FASTAPI),
    "FastAPI + MohFlow": (
        FASTAPI + OURS_IN.format("fastapi"),
        UVICORN,
        OF_FASTAPI,
    ),
    "FastAPI + asgi-correlation-id": (
        FASTAPI + ASGI_CORRELATION_ID,
        QUIET,
        OF_FASTAPI,
    ),
    "FastAPI + asgi-correlation-id, access line of uvicorn": (
        FASTAPI + ASGI_CORRELATION_ID + ID_IN_ACCESS_LINE,
        UVICORN,
        OF_FASTAPI,
    ),
    "FastAPI + asgi-correlation-id, event of structlog": (
        FASTAPI + STRUCTLOG_BY_HAND + ASGI_CORRELATION_ID,
        QUIET,
        OF_FASTAPI,
    ),
    "Flask": (FLASK, GUNICORN, OF_FLASK),
    "Flask + MohFlow": (
        FLASK + OURS_IN.format("flask"),
        GUNICORN,
        OF_FLASK,
    ),
    "Django": (DJANGO.replace("{0}", ""), GUNICORN, OF_DJANGO),
    "Django + MohFlow": (
        DJANGO.replace("{0}", DJANGO_OURS.strip()),
        GUNICORN,
        OF_DJANGO,
    ),
    "Django + django-structlog": (
        DJANGO.replace("{0}", DJANGO_STRUCTLOG.strip()),
        GUNICORN,
        OF_DJANGO,
    ),
}
"""What each server runs, how it is started, and what its environment has."""

DOES = {
    "FastAPI": "nothing",
    "FastAPI, access line of uvicorn": "text: client, method, path, status",
    "FastAPI + MohFlow": (
        "an id, a context of its own, JSON of 13 fields, masked"
    ),
    "FastAPI + asgi-correlation-id": "an id; writes nothing",
    "FastAPI + asgi-correlation-id, access line of uvicorn": (
        "an id; text: time, level, id, client, method, path, status"
    ),
    "FastAPI + asgi-correlation-id, event of structlog": (
        "an id, a context, JSON of 10 fields, not masked"
    ),
    "Flask": "nothing",
    "Flask + MohFlow": "as above",
    "Django": "nothing",
    "Django + MohFlow": "as above",
    "Django + django-structlog": (
        "an id, a context, two events of JSON, not masked"
    ),
}
"""What each variant does for a request."""
