"""The floor of every answer over HTTP: ``SELECT 1`` through the same stack.

The real application with one more route, which has the same middleware, asks who is there as every
route does, and does nothing but ask the database for a one.
"""

from fastapi import FastAPI
from sqlalchemy import text

from benchmarks.serving import FLOOR_PATH
from calendar_manager.api.app import create_app
from calendar_manager.api.deps import CurrentUser, ServicesDep


def make_app() -> FastAPI:
    """Make the application with the floor's route."""
    made = create_app()
    made.add_api_route(FLOOR_PATH, select_one)
    # Routes are tried in turn; what is added last would pay for all of them, and be no floor.
    made.router.routes.insert(0, made.router.routes.pop())
    return made


def select_one(user: CurrentUser, services: ServicesDep) -> dict[str, int]:
    """Ask the database for a one, in a transaction as every route has."""
    del user
    with services.store.begin() as uow:
        return {"one": uow.session.scalars(text("SELECT 1")).one()}


app = make_app()
