"""What people may enter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.accounts.fields import (
    check_email,
    check_line,
    check_name,
    check_password,
    check_time_zone,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("entered", "stored"),
    [
        (" mara@example.com ", "mara@example.com"),
        ("Mara@EXAMPLE.com", "Mara@example.com"),
        ("mara@demo.test", "mara@demo.test"),
        ("mara@host.example", "mara@host.example"),
        ("jürgen@exämple.de", "jürgen@exämple.de"),
    ],
)
def test_addresses_are_stored_in_their_normal_form(entered: str, stored: str) -> None:
    assert check_email(entered) == stored


@pytest.mark.parametrize(
    "entered",
    [
        "",
        "mara",
        "@example.com",
        "mara@",
        "a b@example.com",
        "mara@localhost",
        "a@b@c.de",
        "a@[::1]",
    ],
)
def test_what_is_no_address_is_refused(entered: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        check_email(entered)


@given(st.text())
def test_whatever_is_accepted_can_be_stored(text: str) -> None:
    for check in (check_line, check_name, check_email, check_time_zone):
        try:
            value = check(text)
        except ValueError:
            continue
        assert "\x00" not in value
        assert value.encode() is not None, "lone surrogates cannot be encoded"
        assert value == value.strip()


@pytest.mark.parametrize(("length", "good"), [(9, False), (10, True), (200, True), (201, False)])
def test_a_password_has_10_to_200_characters(length: int, *, good: bool) -> None:
    if good:
        assert check_password("x" * length) == "x" * length
    else:
        with pytest.raises(ValueError, match="10 to 200"):
            check_password("x" * length)


def test_a_password_keeps_its_blanks() -> None:
    assert check_password("  correct horse  ") == "  correct horse  "


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "UTC", "America/Argentina/Ushuaia", "Asia/Calcutta"]
)
def test_every_zone_of_the_tz_database_is_known(name: str) -> None:
    assert check_time_zone(f" {name} ") == name


@pytest.mark.parametrize(
    "name", ["", "Berlin", "CET+1", "europe/berlin", "/etc/localtime", "W. Europe Standard Time"]
)
def test_other_names_are_no_zones(name: str) -> None:
    with pytest.raises(ValueError, match="Europe/Berlin"):
        check_time_zone(name)
