"""The whole soak in order: start, connect, torment, wait for quiet, compare."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import monotonic
from typing import Final
from zoneinfo import ZoneInfo

import psycopg2

from benchmarks.soak.accounts import ZONE, Accounts, add_accounts
from benchmarks.soak.arrivals import Arrivals, Probe
from benchmarks.soak.conflicts import compare_conflicts
from benchmarks.soak.copy import Database
from benchmarks.soak.faults import Faults
from benchmarks.soak.hands import Hands
from benchmarks.soak.kills import Killer, plan_kills
from benchmarks.soak.operations import Operation, plan_operations
from benchmarks.soak.person import EMAIL, Person
from benchmarks.soak.report import Report
from benchmarks.soak.rows import Row, find_differences
from benchmarks.soak.truth import read_truth
from calendar_manager.domain.timespan import Span
from calendar_manager.launch.errors import LaunchError
from calendar_manager.launch.stack import Plan, Stack
from calendar_manager.sandbox.control_client import ControlClient

CALM_SHARE: Final = 0.2
"""How much of the time passes before the first fault and kill."""

WATCH_SECONDS: Final = 0.25
CONNECT_SECONDS: Final = 90.0
FAULT_TURN_SECONDS: Final = 12.0
NOTE_SECONDS: Final = 10.0
QUIET_SECONDS: Final = 600.0
"""How long at most until everything was read; a lease lasts for minutes, and so does a poll."""

SETTINGS: Final = {
    "POLL_MINUTES": "1",
    "POLL_MINUTES_WITH_PUSH": "1",
    "POLL_MINUTES_WITHOUT_PUSH": "1",
    "HORIZON_DAYS_BACK": "40",
    "HORIZON_DAYS_AHEAD": "130",
    # The user stays logged in for the whole time.
    "ACCESS_TOKEN_MINUTES": "1440",
    # Whoever deletes series all day long looks like a provider that lost its data.
    "BREAKER_SHARE_PERCENT": "100",
}

COMPARED: Final = timedelta(days=35), timedelta(days=120)
"""How far back and ahead of the present occurrences are compared, well inside the horizon."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What to do.

    Attributes:
        seed: Of all choices.
        minutes: How long changes are made.
        rate: Changes per second.
        kill_seconds: Seconds between two kills on average.
        home: Data folder of the installation; it has to be new.
    """

    seed: int
    minutes: float
    rate: float
    kill_seconds: float
    home: Path


def run(order: Order, say: Say) -> Report:
    """Run one soak; everything that it started has ended when it returns or raises.

    Args:
        order: What to do.
        say: Told now and then what happens.

    Raises:
        LaunchError: The installation does not start or does not stay up.
    """
    plan = Plan(home=order.home, environ=SETTINGS, port=0, flower_port=0, sandbox_port=0)
    with ExitStack() as exits:
        stack = exits.enter_context(Stack(plan, say))
        alarm = exits.enter_context(_watched(stack))
        control = exits.enter_context(ControlClient(str(stack.addresses.sandbox)))
        accounts = add_accounts(control)
        person = Person(stack.addresses.api)
        exits.callback(person.close)
        person.sign_up()
        person.connect(accounts)
        _wait_for_first_reads(person, accounts, Database(stack.environ["DATABASE_URL"]), say)
        trial = _Trial(order, stack, control, accounts, person, alarm, say)
        exits.callback(trial.arrivals.stop)
        trial.arrivals.start()
        return trial.run()


@contextmanager
def _watched(stack: Stack) -> Iterator[list[LaunchError]]:
    """Start again in a thread what was killed; yields where its failure is put."""
    stopped, failures = Event(), list[LaunchError]()

    def watch() -> None:
        while not stopped.wait(WATCH_SECONDS):
            try:
                stack.check()
            except LaunchError as error:
                failures.append(error)
                return

    thread = Thread(target=watch, name="watch")
    thread.start()
    try:
        yield failures
    finally:
        stopped.set()
        thread.join()


def _wait_for_first_reads(person: Person, accounts: Accounts, database: Database, say: Say) -> None:
    deadline, pause = monotonic() + CONNECT_SECONDS, Event()
    while (count := person.count_calendars()) < len(accounts.calendar_ids):
        if monotonic() > deadline:
            raise LaunchError(f"Only {count} calendars were read in time.")
        pause.wait(0.5)
    say(f"{count} calendars are connected and read")
    while (silent := database.count_without_channel()) and monotonic() < deadline:
        pause.wait(0.5)
    say(f"{count - silent} of them have a live channel")


class _Trial:
    """The time between the first change and the report."""

    def __init__(
        self,
        order: Order,
        stack: Stack,
        control: ControlClient,
        accounts: Accounts,
        person: Person,
        alarm: list[LaunchError],
        say: Say,
    ) -> None:
        self._order = order
        self._control = control
        self._accounts = accounts
        self._person = person
        self.arrivals = Arrivals(person)
        self._alarm = alarm
        self._say = say
        self._began_at = datetime.now(UTC)  # noqa: TID251 - real processes run on the real clock.
        self._environ = stack.environ
        self._database = Database(stack.environ["DATABASE_URL"])
        self._hands = Hands(control, accounts, self._began_at)
        self._killer = Killer(stack)
        self._faults = Faults(control, accounts, Random(order.seed))

    def run(self) -> Report:
        """Torment, wait and compare."""
        self._torment()
        self._say("the last change is made; waiting until everything was read")
        self._faults.stop()
        quiet_seconds, is_quiet = self._wait_for_quiet()
        self.arrivals.stop()
        report = Report(self._order.seed, self._order.minutes)
        report.quiet_seconds = quiet_seconds
        report.mutations = self._hands.done
        report.calls, report.faults = self._faults.calls, self._faults.struck
        report.kills = self._killer.done
        report.delays, report.missing = self.arrivals.delays, self.arrivals.missing
        self._compare(report)
        if not is_quiet:
            report.troubles.append(f"not everything was read within {QUIET_SECONDS:.0f} s")
        if not report.is_clean:
            report.troubles += self._database.explain()
        return report

    def _torment(self) -> None:
        """Make the planned changes, and break and kill things once the calm is over."""
        seconds = self._order.minutes * 60
        began, pause = monotonic(), Event()
        calm_until = began + CALM_SHARE * seconds
        monday = self._began_at.date() - timedelta(days=self._began_at.weekday())
        operations = plan_operations(self._order.seed, monday)
        kills = plan_kills(self._order.seed, self._order.kill_seconds)
        kill = next(kills)
        kill_due, fault_due, note_due = calm_until + kill.after, calm_until, began
        made = 0
        while (now := monotonic()) < began + seconds:
            self._raise_alarm()
            if made < (now - began) * self._order.rate:
                self._change(next(operations), calm=now < calm_until)
                made += 1
                continue
            if now >= fault_due:
                self._faults.turn()
                fault_due = now + FAULT_TURN_SECONDS
            if now >= kill_due:
                self._say(f"kill: {kill.victim}")
                self._killer.strike(kill)
                kill = next(kills)
                kill_due = now + kill.after
            if now >= note_due:
                self._say(f"{now - began:.0f} s: {made} changes, {self._note()}")
                note_due = now + NOTE_SECONDS
            pause.wait(0.02)

    def _note(self) -> str:
        kills, missing = self._killer.done.total(), self.arrivals.missing
        return f"{self._faults.calls} calls, {kills} kills, {missing} on their way"

    def _change(self, operation: Operation, *, calm: bool) -> None:
        made = self._hands.do(operation)
        if made and operation.kind == "probe":
            start, end = (
                datetime.fromisoformat(operation.details[name]).replace(tzinfo=ZoneInfo(ZONE))
                for name in ("start", "end")
            )
            self.arrivals.expect(
                Probe(operation.title, start.isoformat(), end.isoformat(), calm, monotonic())
            )

    def _wait_for_quiet(self) -> tuple[float, bool]:
        """Wait until every calendar was read after now and nothing is left to do."""
        since = datetime.now(UTC)  # noqa: TID251 - as above.
        began, pause = monotonic(), Event()
        note_due = began + NOTE_SECONDS
        while (passed := monotonic() - began) < QUIET_SECONDS:
            self._raise_alarm()
            with suppress(psycopg2.Error):
                if self._database.is_quiet(since) and not self.arrivals.missing:
                    return passed, True
            if monotonic() >= note_due:
                self._say(f"{passed:.0f} s of waiting")
                note_due += NOTE_SECONDS
            pause.wait(1)
        return passed, False

    def _compare(self, report: Report) -> None:
        now = datetime.now(UTC)  # noqa: TID251 - as above.
        around = Span(now - COMPARED[0], now + COMPARED[1])
        # A margin on both sides, so that an occurrence near the edge is on both lists or on none.
        margin = timedelta(days=2)
        truth = read_truth(
            self._control, self._accounts, around.start - margin, around.end + margin
        )
        theirs = [row for row in truth if _starts_in(row, around)]
        ours = [row for row in self._database.read_copy() if _starts_in(row, around)]
        report.differences = find_differences(theirs, ours)
        report.occurrences, report.events = len(theirs), self._database.count_events()
        report.troubles += self._database.find_leftovers()
        report.troubles += self._person.find_broken_parts()
        everything = Span(now - timedelta(days=900), now + timedelta(days=900))
        report.conflicts, words = compare_conflicts(self._environ, EMAIL, everything)
        report.troubles += words

    def _raise_alarm(self) -> None:
        if self._alarm:
            raise self._alarm[0]


def _starts_in(row: Row, around: Span) -> bool:
    start = row.start
    if not isinstance(start, datetime):
        start = datetime(start.year, start.month, start.day, tzinfo=UTC)
    return around.start <= start < around.end
