"""Recurrence rules made by Hypothesis."""

from datetime import UTC, datetime

from hypothesis import strategies as st

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Caracas",
    "America/Havana",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Norfolk",
    "UTC",
)
STARTS = st.datetimes(datetime(2004, 1, 1), datetime(2024, 12, 31)).map(  # noqa: DTZ001 - Walls.
    lambda wall: wall.replace(microsecond=0)
)


def numbers(least: int, greatest: int, *, from_end: bool = False) -> st.SearchStrategy[str]:
    """A list of numbers as a BY part has it."""
    one = st.integers(least, greatest)
    if from_end:
        one |= st.integers(-greatest, -least)
    return st.lists(one, min_size=1, max_size=5).map(lambda found: ",".join(map(str, found)))


@st.composite
def by_days(draw: st.DrawFn, *, ordinals: bool) -> str:
    """A list of weekdays, all with ordinals or all without."""
    names = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4))
    if not ordinals or draw(st.booleans()):
        return ",".join(names)
    counts = st.sampled_from((1, 2, 3, 4, 5, -1, -2, -5))
    return ",".join(f"{draw(counts)}{name}" for name in names)


@st.composite
def rules(draw: st.DrawFn, *, frequencies: tuple[str, ...], count: bool = True) -> str:
    """A rule without UNTIL, and without what dateutil is known to get wrong.

    dateutil wants every weekday of ``BYDAY=MO,2TU`` at once, mistakes week 52 of one year for
    week 53, and starts the first week of a WEEKLY rule with BYSETPOS at DTSTART.
    """
    frequency = draw(st.sampled_from(frequencies))
    parts = [f"FREQ={frequency}"]

    def add(name: str, values: st.SearchStrategy[object], chance: int) -> None:
        if draw(st.integers(1, chance)) == 1:
            parts.append(f"{name}={draw(values)}")

    sub_daily = frequency in ("HOURLY", "MINUTELY", "SECONDLY")
    steps = st.sampled_from((1, 2, 5, 7, 12, 25, 60, 90, 1441, 86_400, 100_001))
    add("INTERVAL", steps if sub_daily else st.integers(1, 9), 2)
    add("BYMONTH", numbers(1, 12), 3)
    add("BYMONTHDAY", numbers(1, 31, from_end=True), 4)
    add("BYYEARDAY", numbers(1, 366, from_end=True), 10)
    add("BYWEEKNO", numbers(2, 51), 10)
    add("BYDAY", by_days(ordinals=frequency in ("YEARLY", "MONTHLY")), 3)
    add("BYHOUR", numbers(0, 23), 5)
    add("BYMINUTE", numbers(0, 59), 5)
    add("BYSECOND", numbers(0, 59), 6)
    add("WKST", st.sampled_from(WEEKDAYS), 3)
    if frequency != "WEEKLY":
        add("BYSETPOS", numbers(1, 4, from_end=True), 6)
    if count:
        add("COUNT", st.integers(1, 40), 3)
    return ";".join(parts)


ALL_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
DAY_FREQUENCIES = ALL_FREQUENCIES[:4]

CHANGES = (
    ("Australia/Lord_Howe", datetime(2024, 10, 5, 15, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2024, 4, 6, 15, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2024, 3, 10, 2, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2024, 4, 14, 2, tzinfo=UTC)),
    ("America/Caracas", datetime(2016, 5, 1, 7, tzinfo=UTC)),
    ("Asia/Pyongyang", datetime(2015, 8, 14, 15, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2024, 3, 31, 1, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2024, 10, 27, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2024, 3, 31, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2024, 10, 27, 1, tzinfo=UTC)),
)
"""Zones and instants at which their clocks are changed, by half hours and by a whole day too."""
