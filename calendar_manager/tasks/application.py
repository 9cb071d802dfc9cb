"""The Celery application of this installation, with its schedule and its logs."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import structlog
from celery import Celery, signals

from calendar_manager.bootstrap import Services, build_services, sync_context
from calendar_manager.config import Settings, SettingsError, load_settings
from calendar_manager.job_queue import Door
from calendar_manager.logs import configure_logging
from calendar_manager.sync.context import SyncContext
from calendar_manager.tasks.schedule import BEAT_SCHEDULE


def close_flower(settings: Settings, arguments: Sequence[str]) -> None:
    """Put Flower behind its login, since it shows and stops everybody's work.

    Flower is a command of Celery's and knows nothing of our settings, but it reads its own
    options from the environment, and this module is loaded before it.

    Raises:
        SettingsError: Flower is being started and has no password.
    """
    if "flower" not in arguments or "FLOWER_BASIC_AUTH" in os.environ:
        return
    if settings.flower_password is None:
        raise SettingsError({"FLOWER_PASSWORD": "It is missing. Flower never opens without one."})
    login = f"{settings.flower_user}:{settings.flower_password.get_secret_value()}"
    os.environ["FLOWER_BASIC_AUTH"] = login


services: Services = build_services(load_settings())
close_flower(services.settings, sys.argv)
context: SyncContext = sync_context(services)
app: Celery[Door] = services.queue.celery
app.conf.update(
    beat_schedule=BEAT_SCHEDULE,
    beat_scheduler="calendar_manager.tasks.beat:SteadyScheduler",
    beat_max_loop_interval=5,
    redbeat_redis_url=services.settings.redis_url,
    # Without limits a Redis that hangs would take beat along.
    redbeat_redis_options={"socket_timeout": 10, "socket_connect_timeout": 5},
    redbeat_key_prefix="calendar-manager:beat:",
    # Two beats are safe, because only the holder of this lock sends; should it die, the other
    # one takes over after so many seconds.
    redbeat_lock_timeout=30,
)


@signals.setup_logging.connect
def set_up_logging(**_: Any) -> None:  # noqa: ANN401 - Celery sends whatever it likes.
    """Log as the rest of the project does instead of as Celery does."""
    settings = services.settings
    configure_logging(settings.log_level, settings.log_format)


@signals.worker_process_init.connect
def forget_parents_connections(**_: Any) -> None:  # noqa: ANN401 - as above.
    """Make sure that a forked worker never talks on a connection of its parent's."""
    services.store.engine.dispose(close=False)
    services.redis.connection_pool.reset()


@signals.task_prerun.connect
def bind_log_context(task_id: str, task: Any, **_: Any) -> None:  # noqa: ANN401 - as above.
    """Name the task in all that it logs."""
    structlog.contextvars.bind_contextvars(task_id=task_id, task=task.name, pid=os.getpid())


@signals.task_postrun.connect
def clear_log_context(**_: Any) -> None:  # noqa: ANN401 - as above.
    """Forget the task's name."""
    structlog.contextvars.clear_contextvars()
