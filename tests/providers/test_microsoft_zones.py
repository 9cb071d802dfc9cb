"""Windows' zones and Exchange's UIDs become what all other calendars use."""

import pytest

from calendar_manager.providers.microsoft.uids import find_series_uid
from calendar_manager.providers.microsoft.zones import find_iana_zone

pytestmark = pytest.mark.unit

# A Global Object ID: its class, the date of an occurrence, when it was made, the size, the data.
CLASS = "040000008200E00074C5B7101A82E008"
MADE = "B0B64D8F2C9DDC01" + "00" * 8
OWN = "10000000" + "5F3A1B2C4D5E6F708192A3B4C5D6E7F8"


def wrap(uid: str) -> str:
    data = b"vCal-Uid\x01\x00\x00\x00" + uid.encode() + b"\x00"
    return f"{CLASS}00000000{MADE}{len(data).to_bytes(4, 'little').hex()}{data.hex()}".upper()


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("w. europe standard time", "Europe/Berlin"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("Mountain Standard Time (Mexico)", "America/Mazatlan"),
        ("UTC", "UTC"),
        ("UTC-11", "Etc/GMT+11"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("Europe/Paris", "Europe/Paris"),
        ("Manitoba Standard Time", "America/Winnipeg"),
        ("tzone://Microsoft/Custom", None),
        ("Customized Time Zone", None),
        ("(UTC+01:00) Amsterdam, Berlin, Bern", None),
        ("", None),
        (None, None),
    ],
)
def test_zone_is_found_by_windows_name_or_its_own(name: str | None, zone: str | None) -> None:
    assert find_iana_zone(name) == zone


def test_occurrences_of_an_exchange_series_share_one_uid() -> None:
    series = f"{CLASS}00000000{MADE}{OWN}"
    occurrence = f"{CLASS}07EA0A0C{MADE}{OWN}"
    assert find_series_uid(occurrence) == find_series_uid(occurrence.lower()) == series
    assert find_series_uid(series) == series


def test_uid_of_another_maker_is_unwrapped() -> None:
    assert find_series_uid(wrap("4hq7r1@google.com")) == "4hq7r1@google.com"


@pytest.mark.parametrize(
    "uid",
    [
        None,
        "4hq7r1@google.com",
        "040000008200E00074C5B7101A82E008",
        f"{CLASS}07EA",
        f"{CLASS} not hex",
        f"{CLASS}00000000{MADE}10000000" + b"vCal-Uid\x01\x00\x00\x00\xff".hex(),
        f"{CLASS}00000000{MADE}10000000" + b"vCal-Uid\x01\x00\x00\x00\x00".hex(),
    ],
)
def test_anything_else_stays_as_it_is(uid: str | None) -> None:
    assert find_series_uid(uid) == uid
