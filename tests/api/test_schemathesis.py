"""Schemathesis asks every operation of the API what its description allows, and what it forbids.

There is no answer but one that the description has the shape of, and never a server error.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
from sqlalchemy import Engine

from calendar_manager.api.app import create_app
from calendar_manager.bootstrap import Services, build_services
from calendar_manager.sandbox.control_client import ControlClient
from calendar_manager.sandbox.server import SandboxThread
from calendar_manager.web.deps import build_accounts
from tests.api.callers import Person
from tests.api.conftest import Clock, QuickPasswords, address_of, listen, make_settings, serve
from tests.api.full_person import fill

pytestmark = pytest.mark.store

EXAMPLES: Final = 8
"""Of each operation and kind of input; the same ones with every run."""

CHECKS: Final = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

EMPTY: Final = (
    "/api/auth/c",
    "/api/auth/login",
    "/api/auth/logout",
    "/api/auth/password",
    "/api/auth/re",
    "/feeds",
    "/health",
    "/metrics",
    "/webhooks",
)
"""Paths that do not care what a person has."""

WITH_A_KEY: Final = "POST /api/auth/connect/caldotcom"

SCHEMA: Final = schemathesis.openapi.from_dict(create_app().openapi())
OPERATIONS: Final = {
    result.ok().label: result.ok()
    for result in SCHEMA.get_all_operations()
    if isinstance(result, Ok)
}


@pytest.fixture(scope="session")
def installation(
    engine: Engine,
    database_url: str,
    redis_url: str,
    sandbox: SandboxThread,
    shared_clock: Clock,
) -> Iterator[tuple[Services, str]]:
    """An installation whose providers are all in the sandbox, and its address."""
    listener = listen()
    variables = {
        **sandbox.control.microsoft_settings(),
        **sandbox.control.caldotcom_settings(),
        "FRONTEND_URL": address_of(listener),
    }
    services = build_services(
        make_settings(database_url, redis_url, sandbox.control, **variables), clock=shared_clock
    )
    app = create_app(services)
    app.state.accounts = build_accounts(services, passwords=QuickPasswords())
    with serve(app, listener) as url:
        yield services, url
    app.state.answers.close()
    services.store.engine.dispose()
    services.redis.close()


@pytest.fixture
def services(
    installation: tuple[Services, str], clean_database: Engine, clean_redis: str, clock: Clock
) -> Services:
    return installation[0]


@pytest.fixture
def base_url(services: Services, installation: tuple[Services, str]) -> str:
    return installation[1]


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_input_breaks_an_operation(
    label: str,
    mara: Person,
    services: Services,
    google: ControlClient,
    work: Callable[[], None],
) -> None:
    operation = OPERATIONS[label]
    ids: dict[str, str] = {}
    if not operation.path.startswith(EMPTY):
        ids = fill(mara, services=services, google=google, work=work).ids
    names = {name: ids[name] for name in ids if f"{{{name}}}" in operation.path}

    def ask_all(mode: GenerationMode) -> None:
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(mode), known=st.booleans())
        def ask(case: Any, *, known: bool) -> None:
            if names and known:
                case.path_parameters = {**case.path_parameters, **names}
            if mode is GenerationMode.POSITIVE:
                # Nobody works here, so a wish for fresher calendars would be waited for in vain.
                case.query.pop("max_age", None)
            answer = case.call(base_url=mara.base_url, headers=mara.bearer, timeout=30)
            # The stand-in for Cal.com refuses the key of the example, which is no fault of ours.
            refused = label == WITH_A_KEY and answer.json().get("code") == "provider_refused"
            excluded = [not_a_server_error] if refused else []
            case.validate_response(answer, checks=CHECKS, excluded_checks=excluded)

        ask()

    ask_all(mode=GenerationMode.POSITIVE)
    if _takes_anything(operation):
        # Where any text will do, nothing is forbidden that could be tried.
        with suppress(Unsatisfiable):
            ask_all(mode=GenerationMode.NEGATIVE)


def _takes_anything(operation: Any) -> bool:
    return bool(operation.definition.raw.get("parameters") or operation.body)
