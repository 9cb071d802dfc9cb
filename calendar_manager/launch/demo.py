"""The demo: the whole stack with the sandbox, a user, and the guided tour."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg2
import requests
from psycopg2.errors import UndefinedTable
from rich.console import Console

from calendar_manager.launch.api_client import ApiClient
from calendar_manager.launch.errors import LaunchError
from calendar_manager.launch.external import to_libpq
from calendar_manager.launch.stack import Addresses
from calendar_manager.launch.tour import Tour, TourUser
from calendar_manager.sandbox.control_client import (
    ConsentPageError,
    ControlClient,
    ControlError,
)
from calendar_manager.sandbox.default_accounts import choose_monday

DEMO_ADDRESSES: Final = "demo%@example.com"
"""What the addresses of demo users look like, as SQL's LIKE takes it."""


def make_demo_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for the demo, which has nothing to do with a real installation.

    Providers, addresses and secrets of a real one are left out: its accounts must never meet the
    sandbox. What remains wins over the defaults, such as ``DATABASE_URL`` and ``LOG_LEVEL``.
    """
    left_out = ("GOOGLE_", "MICROSOFT_", "CALCOM_")
    single = {"FRONTEND_URL", "PUBLIC_URL", "JWT_SECRET", "TOKEN_ENCRYPTION_KEYS"}
    return {
        name: value
        for name, value in environ.items()
        if value and not name.startswith(left_out) and name not in single
    }


def refuse_real_users(database_url: str) -> None:
    """Make sure that an external database is not a real installation's.

    Raises:
        LaunchError: There are users whom no demo made.
    """
    connection = psycopg2.connect(to_libpq(database_url))
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM users WHERE email NOT LIKE %s", (DEMO_ADDRESSES,))
            row = cursor.fetchone()
    except UndefinedTable:
        return
    finally:
        connection.close()
    if row is not None and row[0]:
        raise LaunchError(
            f"DATABASE_URL is a real installation's with {row[0]} users."
            " Leave it out, and the demo brings a database of its own."
        )


def make_user(*, alone: bool) -> TourUser:
    """Return a user for the tour; one with a number where earlier demos may have left others."""
    number = "" if alone else f"-{secrets.token_hex(3)}"
    return TourUser(f"demo{number}@example.com", secrets.token_urlsafe(9))


def run_tour(
    addresses: Addresses, console: Console, user: TourUser, *, own_seed: Path | None
) -> None:
    """Show the main job on a running stack.

    Args:
        addresses: Where the stack serves.
        console: Where to show it.
        user: The user to register.
        own_seed: A person's own calendar file, if the sandbox was seeded with one.

    Raises:
        LaunchError: Something did not work; the message says what.
    """
    if addresses.sandbox is None:
        raise LaunchError("The tour needs the sandbox.")
    api = ApiClient(addresses.api)
    with ControlClient(addresses.sandbox) as control:
        tour = Tour(
            api,
            control,
            console,
            monday=choose_monday(datetime.now(UTC)),  # noqa: TID251 - the tour happens now.
            expect_conflicts=own_seed is None,
        )
        try:
            tour.sign_up(user)
            tour.connect()
            tour.watch_first_sync()
            tour.show_week()
            tour.change_at_google()
            tour.change_in_outlook()
            tour.change_at_caldotcom()
        except (ControlError, ConsentPageError, requests.RequestException) as error:
            raise LaunchError(f"The sandbox: {error}") from error
        finally:
            api.close()
