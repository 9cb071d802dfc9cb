"""How long a change at a provider takes until our answers are right, with real processes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from benchmarks.results import Row
from benchmarks.timing import Timing, percentiles
from calendar_manager.bootstrap import system_clock
from calendar_manager.launch.api_client import ApiClient, wait_for
from calendar_manager.launch.stack import Plan, Stack
from calendar_manager.sandbox.control_client import ControlClient, approve_consent

ACCOUNT = "freya@example.test"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of a database that is thrown away.
PATIENCE = 90.0
LOOK_EVERY = 0.01


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is written.

    Attributes:
        changes: How many changes, one after the other.
        events: How many events the calendar has before.
    """

    changes: int
    events: int


FULL = Sizes(changes=150, events=5_000)
QUICK = Sizes(changes=2, events=20)


def measure(home: Path, sizes: Sizes) -> Iterator[Row]:
    """Start everything, as ``up`` does, and yield the row about changes that arrive.

    Args:
        home: A new folder for the data.
        sizes: How much is written.
    """
    plan = Plan(home=home, environ={}, port=0, flower_port=0, sandbox_port=0)
    with ExitStack() as exits:
        stack = exits.enter_context(Stack(plan, lambda _: None))
        exits.enter_context(_kept_running(stack))
        control = exits.enter_context(ControlClient(str(stack.addresses.sandbox)))
        api = ApiClient(stack.addresses.api)
        exits.callback(api.close)
        _prepare(api, control, sizes)
        delays = list(_write_and_look(api, control, sizes))
    p50, _, p99 = percentiles(delays)
    yield Row(
        what=f"a change at Google → availability right, {sizes.events:,} events",
        ours=Timing.of(delays),
        aim="p50 ≤ 0.3 s, p99 ≤ 2 s",
        reached=p50 <= 0.3 and p99 <= 2,  # noqa: PLR2004 - as the aim says.
        remark=f"p99 {p99:.2f} s, {len(delays)} changes, from the write to the answer",
    )


@contextmanager
def _kept_running(stack: Stack) -> Iterator[None]:
    stopped = Event()

    def watch() -> None:
        while not stopped.wait(0.5):
            stack.check()

    thread = Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _prepare(api: ApiClient, control: ControlClient, sizes: Sizes) -> None:
    """Register, connect a Google account with events, and wait for its channel."""
    control.add_account(ACCOUNT, time_zone="Europe/Berlin")
    now = system_clock().replace(minute=0, second=0, microsecond=0)
    first = now - timedelta(days=60)
    control.create_events(
        ACCOUNT,
        [
            _event(f"Before {number}", first + timedelta(hours=number))
            for number in range(sizes.events)
        ],
    )
    body = {"email": ACCOUNT, "password": PASSWORD, "name": "Freya", "time_zone": "Europe/Berlin"}
    api.post("/api/auth/register", body)
    api.log_in(ACCOUNT, PASSWORD)
    rules = {"weekly": [{"days": _ALL_DAYS, "start": "00:00", "end": "24:00"}], "horizon_days": 700}
    api.post("/api/availability/rules", {"time_zone": "UTC", **rules})
    consent = api.get("/api/auth/connect/google")
    api.get(approve_consent(api.session, consent["authorization_url"], ACCOUNT))

    def has_channel() -> bool | None:
        calendars = api.get_all("/api/calendars")
        read = all(one["last_synced_at"] and one["push"]["status"] == "live" for one in calendars)
        return (bool(calendars) and read) or None

    wait_for(has_channel, "the channel", PATIENCE)


def _write_and_look(api: ApiClient, control: ControlClient, sizes: Sizes) -> Iterator[float]:
    """Yield the seconds from each write's return to the first right answer."""
    first = system_clock().replace(minute=0, second=0, microsecond=0) + timedelta(days=300)
    pause = Event()
    for number in range(sizes.changes):
        start = first + timedelta(hours=2 * number)
        end = start + timedelta(hours=1)
        written = monotonic()
        control.create_events(ACCOUNT, [_event(f"Change {number}", start)])
        while api.get("/api/availability", start=start.isoformat(), end=end.isoformat())["windows"]:
            if monotonic() > written + PATIENCE:
                raise TimeoutError(f"change {number} never arrived")
            pause.wait(LOOK_EVERY)
        yield monotonic() - written


def _event(title: str, start: datetime) -> dict[str, object]:
    return {
        "summary": title,
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": (start + timedelta(hours=1)).isoformat()},
    }


_ALL_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
