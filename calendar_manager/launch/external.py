"""Servers that the person brings: a first look at them, before anything is built on them."""

from typing import Final

import psycopg2
from redis import Redis
from redis.exceptions import RedisError

from calendar_manager.launch.errors import LaunchError

ANSWER_SECONDS: Final = 10


def check_database(url: str) -> None:
    """Make sure that PostgreSQL answers.

    Args:
        url: SQLAlchemy's address, for psycopg2.

    Raises:
        LaunchError: It does not.
    """
    try:
        psycopg2.connect(to_libpq(url), connect_timeout=ANSWER_SECONDS).close()
    except psycopg2.OperationalError as error:
        raise LaunchError(f"DATABASE_URL cannot be reached: {error}") from error


def check_redis(url: str) -> None:
    """Make sure that Redis answers.

    Raises:
        LaunchError: It does not.
    """
    try:
        with Redis.from_url(url, socket_connect_timeout=ANSWER_SECONDS) as redis:
            redis.ping()
    except RedisError as error:
        raise LaunchError(f"REDIS_URL cannot be reached: {error}") from error


def to_libpq(url: str) -> str:
    """Return SQLAlchemy's address without its word for the driver, which libpq does not know."""
    return url.replace("+psycopg2", "", 1)
