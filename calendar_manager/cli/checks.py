"""Checks of the settings and of our own servers and processes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Final, cast
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from calendar_manager.api.routes.health import find_newest_revision
from calendar_manager.bootstrap import Services
from calendar_manager.config import Settings
from calendar_manager.launch.errors import LaunchError
from calendar_manager.launch.external import check_database
from calendar_manager.store.vital_signs import (
    DatabaseDownError,
    ServerState,
    load_revision,
    load_server_state,
)
from calendar_manager.web.installation import find_signs_of_life
from calendar_manager.web.queues import open_briefly

OLDEST_POSTGRES: Final = 150000
OLDEST_REDIS: Final = (6, 2)

SUSPICIOUS: Final = timedelta(seconds=2)
WRONG: Final = timedelta(seconds=30)
"""How far two clocks may be apart: tokens and turns of calendars bear seconds, not minutes."""

SYNCHRONIZE: Final = "Let both machines synchronize their clocks, with chrony or systemd-timesyncd."


class State(StrEnum):
    """What a check found."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        state: How it is.
        detail: More about it, in a sentence.
        advice: How to mend it; empty when there is nothing to mend.
    """

    name: str
    state: State
    detail: str
    advice: str = ""


def check_settings(settings: Settings) -> list[Finding]:
    """Look at settings that can be used but may not be meant."""
    findings = [Finding("settings", State.OK, "Every setting can be used.")]
    front = urlsplit(settings.frontend_url)
    if front.scheme == "http" and not is_local(front.hostname or ""):
        findings.append(
            Finding(
                "FRONTEND_URL",
                State.WARNING,
                "People open the pages by plain http, so their passwords can be read on the way.",
                "Put a proxy with a certificate before the API, and set the address with https.",
            )
        )
    if settings.demo_email is not None and not is_local(front.hostname or ""):
        findings.append(
            Finding(
                "DEMO_EMAIL",
                State.WARNING,
                "Anybody who opens the sign-in page can sign in as the demo's user.",
                "Remove DEMO_EMAIL and DEMO_PASSWORD.",
            )
        )
    if len(settings.token_encryption_keys) > 1:
        findings.append(
            Finding(
                "TOKEN_ENCRYPTION_KEYS",
                State.WARNING,
                f"There are {len(settings.token_encryption_keys)} keys; a rotation is under way.",
                "Run calendar-manager rotate-keys, then remove all keys but the first.",
            )
        )
    return findings


def check_servers(services: Services) -> list[Finding]:
    """Look at PostgreSQL, Redis, their clocks, and the processes behind the API."""
    return [*_check_database(services), *_check_redis(services), *_check_processes(services)]


def compare_clocks(name: str, ours: datetime, theirs: datetime, *, fails: bool = True) -> Finding:
    """Say how far another clock is from ours.

    Args:
        name: Whose clock.
        ours: What ours shows.
        theirs: What the other shows.
        fails: Whether a large difference is a failure; otherwise it is a warning.
    """
    apart = abs(theirs - ours)
    if apart <= SUSPICIOUS:
        return Finding(f"clock of {name}", State.OK, "It agrees with ours.")
    state = State.FAILED if fails and apart > WRONG else State.WARNING
    direction = "ahead of" if theirs > ours else "behind"
    seconds = f"{apart.total_seconds():.0f} seconds"
    return Finding(f"clock of {name}", state, f"It is {seconds} {direction} ours.", SYNCHRONIZE)


def is_local(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_database(services: Services) -> list[Finding]:
    try:
        # It gives up within seconds, and names the reason.
        check_database(services.settings.database_url)
        state = load_server_state(services.store.engine)
    except LaunchError as error:
        reason = str(error).partition(": ")[2] or str(error)
        return [
            Finding(
                "database",
                State.FAILED,
                f"PostgreSQL cannot be reached: {' '.join(reason.split())}",
                "Start it, or mend DATABASE_URL.",
            ),
            Finding("migrations", State.SKIPPED, "The database has to be reached first."),
        ]
    except DatabaseDownError:
        broken = "It accepts connections but answers no question."
        return [Finding("database", State.FAILED, broken, "Look into PostgreSQL's log.")]
    ours = services.clock()
    return [_check_version(state), _check_schema(services), _compare(state, ours)]


def _compare(state: ServerState, ours: datetime) -> Finding:
    return compare_clocks("PostgreSQL", ours, state.now)


def _check_version(state: ServerState) -> Finding:
    version = f"{state.version // 10000}.{state.version % 10000}"
    if state.version < OLDEST_POSTGRES:
        return Finding(
            "database",
            State.FAILED,
            f"PostgreSQL {version} is too old.",
            f"Upgrade it to PostgreSQL {OLDEST_POSTGRES // 10000} or newer.",
        )
    return Finding("database", State.OK, f"PostgreSQL {version} answers.")


def _check_schema(services: Services) -> Finding:
    present, newest = load_revision(services.store.engine), find_newest_revision()
    if present == newest:
        return Finding("migrations", State.OK, f"The schema is at {present}.")
    return Finding(
        "migrations",
        State.FAILED,
        f"The schema is at {present or 'no migration'}, this program needs {newest}.",
        "Run: alembic upgrade head",
    )


def _check_redis(services: Services) -> list[Finding]:
    url = services.settings.redis_url
    try:
        with open_briefly(url) as redis:
            redis.ping()
            info = _read_info(redis)
            seconds, microseconds = cast("tuple[int, int]", redis.time())
    except AuthenticationError:
        refused = "Redis refuses the password."
        return [Finding("Redis", State.FAILED, refused, "Mend the password in REDIS_URL.")]
    except RedisError as error:
        return [
            Finding(
                "Redis",
                State.FAILED,
                f"Redis cannot be reached: {error}",
                "Start it, or mend REDIS_URL.",
            )
        ]
    theirs = datetime.fromtimestamp(seconds + microseconds / 1_000_000, UTC)
    clock = compare_clocks("Redis", services.clock(), theirs)
    return [_check_redis_version(info), *_check_persistence(info), clock]


def _read_info(redis: Redis) -> dict[str, Any]:
    """Return what Redis tells of itself; nothing where it is not allowed to tell."""
    try:
        return cast("dict[str, Any]", redis.info())
    except ResponseError:
        return {}


def _check_redis_version(info: dict[str, Any]) -> Finding:
    if not info:
        return Finding("Redis", State.OK, "It answers, but does not say which version it is.")
    version = str(info.get("redis_version", "0"))
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {version}"
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if numbers < OLDEST_REDIS:
        return Finding(
            "Redis", State.FAILED, f"{name} is too old.", "Upgrade it to Redis 6.2 or newer."
        )
    return Finding("Redis", State.OK, f"{name} answers.")


def _check_persistence(info: dict[str, Any]) -> list[Finding]:
    findings = []
    if info and not info.get("aof_enabled"):
        findings.append(
            Finding(
                "Redis' memory",
                State.WARNING,
                "What waits for workers is lost when Redis stops. It is found again in PostgreSQL,"
                " some minutes later.",
                "Set appendonly yes in Redis' configuration.",
            )
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if info.get("maxmemory") and policy != "noeviction":
        findings.append(
            Finding(
                "Redis' memory",
                State.WARNING,
                f"Under pressure Redis throws work away (maxmemory-policy {policy}).",
                "Set maxmemory-policy noeviction in Redis' configuration.",
            )
        )
    return findings or [Finding("Redis' memory", State.OK, "Nothing in it gets lost.")]


def _check_processes(services: Services) -> list[Finding]:
    signs = find_signs_of_life(services)
    if not signs.redis:
        return [
            Finding(name, State.SKIPPED, "Nobody can be asked without Redis.")
            for name in ("worker", "beat")
        ]
    if signs.workers:
        workers = Finding("worker", State.OK, f"{signs.workers} answering.")
    else:
        workers = Finding(
            "worker",
            State.FAILED,
            "No worker answers, so nothing is read.",
            "Start one: celery --app=calendar_manager.tasks worker"
            " --queues=sync.urgent,sync,maintenance",
        )
    if not signs.beat:
        beat = Finding(
            "beat",
            State.FAILED,
            "No beat is running, so no calendar's turn ever comes.",
            "Start one, and only one: celery --app=calendar_manager.tasks beat",
        )
    elif signs.workers and not signs.heartbeat:
        beat = Finding(
            "beat",
            State.WARNING,
            "It is running, but for a minute no worker has done what it sends.",
            "Look again in a minute; then at the log of the worker.",
        )
    else:
        beat = Finding("beat", State.OK, "It is running.")
    return [workers, beat]
