"""The Celery application of this installation, with its schedule and its logs."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from celery import Celery, signals

from calendar_manager.bootstrap import Services, build_services, make_shipper, sync_context
from calendar_manager.config import Settings, SettingsError, load_settings
from calendar_manager.job_queue import (
    BEAT_KEY_PREFIX,
    BEAT_LOCK_KEY,
    BEAT_LOCK_SECONDS,
    DUE_AT_HEADER,
    REQUEST_ID_HEADER,
    SUBJECTS,
    Door,
)
from calendar_manager.logs import configure_logging
from calendar_manager.sync.context import SyncContext
from calendar_manager.tasks.schedule import BEAT_SCHEDULE
from calendar_manager.telemetry.instruments import TASK_WAITS, TASKS
from calendar_manager.telemetry.shipping import Shipper
from calendar_manager.telemetry.tally import TALLY


def close_flower(settings: Settings, arguments: Sequence[str]) -> None:
    """Put Flower behind its login, since it shows and stops everybody's work.

    Flower is a command of Celery's and knows nothing of our settings, but it reads its own
    options from the environment, and this module is loaded before it.

    Raises:
        SettingsError: Flower is being started and has no password.
    """
    if "flower" not in arguments:
        return
    close_flowers_metrics()
    if "FLOWER_BASIC_AUTH" in os.environ:
        return
    if settings.flower_password is None:
        raise SettingsError({"FLOWER_PASSWORD": "It is missing. Flower never opens without one."})
    login = f"{settings.flower_user}:{settings.flower_password.get_secret_value()}"
    os.environ["FLOWER_BASIC_AUTH"] = login


def close_flowers_metrics() -> None:
    """Put Flower's own metrics behind its login, the one page that it shows to anybody."""
    # Imported only here, because nothing but Flower needs its web server.
    from flower.views.monitor import Metrics  # noqa: PLC0415
    from tornado.web import authenticated  # noqa: PLC0415

    Metrics.get = authenticated(Metrics.get)


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
    redbeat_key_prefix=BEAT_KEY_PREFIX,
    redbeat_lock_key=BEAT_LOCK_KEY,
    # Two beats are safe, because only the holder of this lock sends; should it die, the other
    # one takes over after so many seconds.
    redbeat_lock_timeout=BEAT_LOCK_SECONDS,
)


@signals.setup_logging.connect
def set_up_logging(**_: Any) -> None:  # noqa: ANN401 - Celery sends whatever it likes.
    """Log as the rest of the project does instead of as Celery does."""
    settings = services.settings
    configure_logging(settings.log_level, settings.log_format)


@dataclass(slots=True)
class _Process:
    """What one worker process keeps between tasks, of which it runs one at a time.

    Attributes:
        shipper: Ships what it counts; None before it serves.
        began: When each task that runs began, by its id.
    """

    shipper: Shipper | None = None
    began: dict[str, float] = field(default_factory=dict)


_process = _Process()


@signals.worker_process_init.connect
def begin_process(**_: Any) -> None:  # noqa: ANN401 - as above.
    """Make sure that a forked worker never talks on a connection of its parent's, and count."""
    services.store.engine.dispose(close=False)
    services.redis.connection_pool.reset()
    _process.shipper = make_shipper(services, "worker")
    _process.shipper.start()


@signals.worker_process_shutdown.connect
def end_process(**_: Any) -> None:  # noqa: ANN401 - as above.
    """Ship what was counted last."""
    if _process.shipper is not None:
        _process.shipper.stop()
        _process.shipper = None


@signals.task_prerun.connect
def begin_task(task_id: str, task: Any, args: Sequence[Any], **_: Any) -> None:  # noqa: ANN401 - as above.
    """Name the task in all that it logs, and the request that led to it."""
    _process.began[task_id] = time.perf_counter()
    known = {"task_id": task_id, "task": task.name, "pid": os.getpid()}
    request_id = task.request.get(REQUEST_ID_HEADER)
    if request_id is not None:
        known["request_id"] = request_id
    if task.name in SUBJECTS and args:
        known[SUBJECTS[task.name]] = args[0]
    structlog.contextvars.bind_contextvars(**known)
    due_at, delivery = task.request.get(DUE_AT_HEADER), task.request.delivery_info or {}
    # A message that comes again because a worker died has not waited for a worker since then.
    if due_at is not None and not delivery.get("redelivered"):
        TALLY.observe(TASK_WAITS, time.time() - due_at, str(delivery.get("routing_key")))


@signals.task_postrun.connect
def end_task(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:  # noqa: ANN401 - as above.
    """Count the task, and forget its name."""
    began = _process.began.pop(task_id, None)
    if began is not None:
        outcome = (state or "unknown").lower()
        TALLY.observe(TASKS, time.perf_counter() - began, task.name, outcome)
    structlog.contextvars.clear_contextvars()
