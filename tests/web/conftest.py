"""The application, its people and a browser, as the tests of the API have them."""

from tests.api.conftest import (
    base_url,
    clock,
    count,
    google,
    http,
    listener,
    mara,
    otto,
    plain_logs,
    sandbox,
    served,
    services,
    shared_clock,
    shared_services,
    sign_up,
    work,
)
from tests.api.test_pages import browser
from tests.web.stage import chromium, stage

__all__ = [
    "base_url",
    "browser",
    "chromium",
    "clock",
    "count",
    "google",
    "http",
    "listener",
    "mara",
    "otto",
    "plain_logs",
    "sandbox",
    "served",
    "services",
    "shared_clock",
    "shared_services",
    "sign_up",
    "stage",
    "work",
]
