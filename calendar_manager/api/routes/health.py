"""How the installation is doing: for process supervisors, load balancers, and people."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from alembic.script import ScriptDirectory
from fastapi import APIRouter, Response
from redis import Redis
from redis.exceptions import RedisError

from calendar_manager.api.deps import ServicesDep
from calendar_manager.api.schemas.health import CheckOut, DetailedOut, LiveOut, ReadyOut
from calendar_manager.bootstrap import Services
from calendar_manager.job_queue import BEAT_LOCK_KEY, HEARTBEAT_KEY
from calendar_manager.store.measurements import count_calendars, count_lost_connections
from calendar_manager.store.migrations import make_alembic_config
from calendar_manager.store.vital_signs import DatabaseDownError, load_oldest_due_at, load_revision
from calendar_manager.web.installation import LATE
from calendar_manager.web.queues import QueueState, load_queues, open_briefly

router = APIRouter(prefix="/health", tags=["health"])

_NOT_READY: Final[dict[int | str, dict[str, Any]]] = {
    503: {"model": ReadyOut, "description": "Something is missing."}
}


@router.get("/live", summary="Is the process alive?")
async def get_liveness() -> LiveOut:
    """Answer as long as the process can answer; asks nobody else."""
    return LiveOut(status="alive")


@router.get("/ready", summary="Can requests be served?", responses=_NOT_READY)
def get_readiness(services: ServicesDep, response: Response) -> ReadyOut:
    """Check what every request needs: the database, its newest schema, and Redis."""
    checks = _basic_checks(services)
    ready = all(check.ok for check in checks.values())
    response.status_code = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return ReadyOut(status="ready" if ready else "not_ready", checks=checks)


@router.get("/detailed", summary="How is everything doing?")
def get_details(services: ServicesDep) -> DetailedOut:
    """Check every part: the database, Redis, workers, beat, the queues, providers, what is overdue.

    The answer is 200 even when a part is broken; `status` tells.
    """
    checks = _basic_checks(services)
    queues = _queues(services) if checks["redis"].ok else {}
    oldest_due_at = _oldest_due_at(services) if checks["migrations"].ok else None
    late = _seconds_late(services, oldest_due_at)
    checks |= {
        # Celery waits long for a Redis that is away, and could learn nothing from it.
        **(_signs_of_life(services) if checks["redis"].ok else dict.fromkeys(_SIGNS, _NOBODY)),
        "dispatch": _check(lambda: _expect_on_time(late)) if checks["migrations"].ok else _UNKNOWN,
    }
    healthy = all(check.ok for check in checks.values())
    return DetailedOut(
        status="healthy" if healthy else "degraded",
        checks=checks,
        queues={name: state.length for name, state in queues.items()},
        queue_waits={name: round(state.oldest_wait, 1) for name, state in queues.items()},
        providers=_providers(services) if checks["migrations"].ok else {},
        accounts_to_reconnect=_accounts_to_reconnect(services) if checks["migrations"].ok else None,
        oldest_due_at=oldest_due_at,
    )


_SIGNS: Final = ("worker", "beat", "heartbeat")
_NOBODY: Final = CheckOut(ok=False, detail="Nobody can be asked without Redis.")
_UNKNOWN: Final = CheckOut(ok=False, detail="What is due stands in the database.")


class _UnhealthyError(Exception):
    """A part is not as it should be; the message says how."""


def _check(look: Callable[[], str]) -> CheckOut:
    try:
        return CheckOut(ok=True, detail=look())
    except DatabaseDownError:
        return CheckOut(ok=False, detail="The database does not answer.")
    except RedisError:
        return CheckOut(ok=False, detail="Redis does not answer.")
    except _UnhealthyError as error:
        return CheckOut(ok=False, detail=str(error))


def _basic_checks(services: Services) -> dict[str, CheckOut]:
    return {
        "database": _check(lambda: _expect_database(services)),
        "migrations": _check(lambda: _expect_newest_schema(services)),
        "redis": _check(lambda: _expect_redis(services)),
    }


def _expect_database(services: Services) -> str:
    load_revision(services.store.engine)
    return "It answers."


def _expect_newest_schema(services: Services) -> str:
    present, newest = load_revision(services.store.engine), find_newest_revision()
    if present != newest:
        raise _UnhealthyError(
            f"The database is at {present}, the program needs {newest}. Run: alembic upgrade head"
        )
    return f"At {present}."


def _signs_of_life(services: Services) -> dict[str, CheckOut]:
    with open_briefly(services.settings.redis_url) as redis:
        return {
            "worker": _check(lambda: _expect_worker(services)),
            "beat": _check(lambda: _expect_beat(redis)),
            "heartbeat": _check(lambda: _expect_heartbeat(redis)),
        }


def _expect_redis(services: Services) -> str:
    with open_briefly(services.settings.redis_url) as redis:
        redis.ping()
    return "It answers."


def _expect_worker(services: Services) -> str:
    count = services.queue.count_workers()
    if not count:
        raise _UnhealthyError("No worker answers.")
    return f"{count} answering."


def _expect_beat(redis: Redis) -> str:
    if not redis.exists(BEAT_LOCK_KEY):
        raise _UnhealthyError("No beat is running.")
    return "It is running."


def _expect_heartbeat(redis: Redis) -> str:
    last = redis.get(HEARTBEAT_KEY)
    if last is None:
        raise _UnhealthyError(
            "For a minute no worker has done what beat sends. Which of the two is missing, `beat`"
            " and `worker` tell."
        )
    return f"Last sign at {last.decode() if isinstance(last, bytes) else last}."


def _expect_on_time(late: float) -> str:
    if late > LATE:
        raise _UnhealthyError(f"A calendar has been due for {late:.0f} seconds.")
    return "Nothing is overdue."


def _queues(services: Services) -> Mapping[str, QueueState]:
    try:
        with open_briefly(services.settings.redis_url) as redis:
            return load_queues(redis, services.clock())
    except RedisError:
        return {}


def _providers(services: Services) -> dict[str, dict[str, int]]:
    stale_before = services.clock() - services.settings.stale_after
    counted: dict[str, dict[str, int]] = {}
    try:
        for one in count_calendars(services.store.engine, stale_before=stale_before):
            counted.setdefault(one.provider, {})[one.status] = one.count
    except DatabaseDownError:
        return {}
    return counted


def _oldest_due_at(services: Services) -> datetime | None:
    try:
        return load_oldest_due_at(services.store.engine)
    except DatabaseDownError:
        return None


def _accounts_to_reconnect(services: Services) -> int | None:
    try:
        return count_lost_connections(services.store.engine)
    except DatabaseDownError:
        return None


def _seconds_late(services: Services, due_at: datetime | None) -> float:
    return 0.0 if due_at is None else (services.clock() - due_at).total_seconds()


@cache
def find_newest_revision() -> str | None:
    """Return the newest migration that this version of the program has."""
    return ScriptDirectory.from_config(make_alembic_config()).get_current_head()
