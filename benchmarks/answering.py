"""Answers over HTTP: availability under load, beside ``SELECT 1`` through the same stack."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID, uuid4

from benchmarks.installation import Installation
from benchmarks.load import Order, Outcome
from benchmarks.people import HEAVY, PERSON, Fullness, make_person, settle
from benchmarks.results import Row
from benchmarks.serving import FLOOR_PATH, put_load, serve_api
from benchmarks.timing import Timing, percentiles, show_percentiles
from calendar_manager.accounts.tokens import TokenKind, TokenSigner
from calendar_manager.bootstrap import Services, system_clock

P99 = 0.050
TIMES_THE_FLOOR = 3
RANGE = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who asks.

    Attributes:
        size: How many.
        every: Each asks once in so many seconds; 0 for again as soon as the answer is there.
    """

    size: int
    every: float = 0

    def __str__(self) -> str:
        if self.every:
            return f"{self.size} people, each once in {self.every:g} s"
        return f"{self.size} at once"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much load.

    Attributes:
        seconds: For how long, each time.
        turns: How often ours and the floor take turns.
        crowds: Who asks.
        heavy: Whether the heavy person is asked for, too.
    """

    seconds: float
    turns: int
    crowds: tuple[Crowd, ...]
    heavy: bool


AIMED = Crowd(50)
FULL = Sizes(
    seconds=4, turns=3, crowds=(Crowd(1), Crowd(50, every=0.5), AIMED, Crowd(200)), heavy=True
)
QUICK = Sizes(seconds=0.5, turns=1, crowds=(Crowd(5), Crowd(5, every=0.2)), heavy=False)


def measure(installation: Installation, sizes: Sizes) -> Iterator[Row]:
    """Yield the rows about answers over HTTP.

    Args:
        installation: Whose database gets the people.
        sizes: How much load.
    """
    services = installation.services
    people = {"5 calendars": PERSON} | ({"20 calendars": HEAVY} if sizes.heavy else {})
    with ExitStack() as stack:
        url = stack.enter_context(
            serve_api(installation.environ, application="benchmarks.floor_app:app")
        )
        for name, fullness in people.items():
            headers = sign_in(services, add_person(services, fullness))
            for crowd in sizes.crowds:
                yield _compare(url, headers, name, crowd, sizes)


def add_person(services: Services, fullness: Fullness) -> UUID:
    """Write a person into the database."""
    engine = services.store.engine
    now = system_clock()
    user_id = make_person(engine, fullness, now=now, email=f"{uuid4().hex}@example.test")
    settle(engine)
    return user_id


def sign_in(services: Services, user_id: UUID) -> dict[str, str]:
    """Return the headers of somebody who is signed in."""
    now, life, session_id = system_clock(), timedelta(days=1), uuid4()
    with services.store.begin() as uow:
        uow.login_sessions.add(
            session_id=session_id,
            user_id=user_id,
            refresh_token_hash=session_id.bytes,
            expires_at=now + life,
        )
    signer = TokenSigner(services.settings.jwt_secret.get_secret_value())
    token = signer.issue(
        TokenKind.ACCESS, user_id=user_id, session_id=session_id, now=now, life=life
    )
    return {"Authorization": f"Bearer {token}"}


def availability_url(url: str, *, shift: int = 0) -> str:
    """Return the question for the next sixty days; another shift is another question."""
    start = system_clock().replace(microsecond=0) + timedelta(days=shift)
    query = {"start": start.isoformat(), "end": (start + RANGE).isoformat(), "duration": 30}
    return f"{url}/api/availability?{urlencode(query)}"


def _compare(url: str, headers: Mapping[str, str], name: str, crowd: Crowd, sizes: Sizes) -> Row:
    ours: list[float] = []
    floor: list[float] = []
    errors = 0
    took = 0.0
    for _ in range(sizes.turns):
        for address, taken in ((f"{url}{FLOOR_PATH}", floor), (availability_url(url), ours)):
            outcome = _ask(address, headers, crowd, sizes)
            taken.extend(outcome.seconds)
            errors += outcome.errors
            if taken is ours:
                took += outcome.took
    timing, floor_timing = Timing.of(ours), Timing.of(floor)
    p99 = percentiles(ours)[2]
    aimed = crowd == AIMED and name == "5 calendars"
    if errors:
        raise AssertionError(f"{errors} answers were not of status 200")
    return Row(
        what=f"availability over HTTP, {name}, 60 days, {crowd}",
        floor_name="SELECT 1, same stack",
        floor=floor_timing,
        ours=timing,
        aim="p99 ≤ 50 ms and ≤ 3 ×" if aimed else "",
        reached=p99 <= P99 and timing.median <= TIMES_THE_FLOOR * floor_timing.median
        if aimed
        else None,
        remark=f"{show_percentiles(ours, took)}, no errors",
    )


def _ask(address: str, headers: Mapping[str, str], crowd: Crowd, sizes: Sizes) -> Outcome:
    return put_load(
        Order(
            urls=[address],
            headers=headers,
            concurrency=crowd.size,
            seconds=sizes.seconds,
            every=crowd.every,
        )
    )
