"""Rules that tell whom an event belongs to."""

import re
import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendar_manager.domain.client_patterns import (
    TitlePattern,
    normalize_address,
    normalize_domain,
)
from calendar_manager.domain.clients import (
    ClientMatch,
    ClientMatcher,
    ClientRule,
    EventTraits,
    OwnedRule,
    RuleKind,
    normalize_rule,
    traits_of,
)
from calendar_manager.domain.errors import InvalidPatternError
from calendar_manager.domain.events import Attendee, Person

pytestmark = pytest.mark.unit

CALENDAR = UUID(int=1)
ELSEWHERE = UUID(int=2)
ACME, BOLT, CORE = UUID(int=11), UUID(int=12), UUID(int=13)


def rule(kind: str, pattern: str, project: str | None = None) -> ClientRule:
    return normalize_rule(ClientRule(kind=RuleKind(kind), pattern=pattern, project=project))


def event(
    title: str = "Call",
    *people: str,
    me: tuple[str, ...] = (),
    organizer: str | None = None,
    calendar_id: UUID = CALENDAR,
) -> EventTraits:
    return traits_of(
        calendar_id,
        title,
        None if organizer is None else Person(organizer),
        [Attendee(email=one, is_self=one in me) for one in (*people, *me)],
    )


def owner(
    traits: EventTraits, *rules: tuple[UUID, ClientRule], own: tuple[str, ...] = ()
) -> object:
    found = ClientMatcher([OwnedRule(*one) for one in rules], own).find(traits)
    return None if found is None else found.client_id


def test_a_domain_stands_for_itself_and_its_subdomains_and_for_no_other() -> None:
    acme = (ACME, rule("attendee_domain", "Acme.Example"))
    assert owner(event("x", "jo@acme.example"), acme) == ACME
    assert owner(event("x", "jo@UK.acme.example"), acme) == ACME
    assert owner(event("x", organizer="jo@acme.example"), acme) == ACME
    assert owner(event("x", "jo@notacme.example"), acme) is None
    assert owner(event("x", "jo@acme.example.evil.test"), acme) is None
    assert owner(event("x"), acme) is None


def test_the_longer_domain_goes_first_whatever_the_order() -> None:
    whole = (ACME, rule("attendee_domain", "acme.example"))
    part = (BOLT, rule("attendee_domain", "uk.acme.example"))
    assert owner(event("x", "jo@uk.acme.example"), whole, part) == BOLT
    assert owner(event("x", "jo@de.acme.example"), part, whole) == ACME


def test_domains_are_compared_in_their_ascii_form() -> None:
    acme = (ACME, rule("attendee_domain", "bücher.example"))
    assert acme[1].pattern == "xn--bcher-kva.example"
    assert owner(event("x", "jo@BÜCHER.example"), acme) == ACME
    assert owner(event("x", "jo@xn--bcher-kva.example"), acme) == ACME


def test_my_own_addresses_say_nothing_about_a_domain() -> None:
    acme = (ACME, rule("attendee_domain", "acme.example"))
    assert owner(event("x", me=("mara@acme.example",)), acme) is None
    assert owner(event("x", "mara@acme.example"), acme, own=("Mara@acme.example",)) is None
    assert owner(event("x", "jo@acme.example", me=("mara@acme.example",)), acme) == ACME
    named = (ACME, rule("address", "mara@acme.example"))
    assert owner(event("x", me=("mara@acme.example",)), named) == ACME


def test_an_address_is_compared_whatever_its_case_and_wholly() -> None:
    acme = (ACME, rule("address", " Jo.Park@Client.Example "))
    assert owner(event("x", "jo.park@client.example"), acme) == ACME
    assert owner(event("x", "JO.PARK@CLIENT.EXAMPLE"), acme) == ACME
    assert owner(event("x", "o.park@client.example"), acme) is None


@pytest.mark.parametrize(
    ("pattern", "title", "fits"),
    [
        ("acme", "Acme: weekly", True),
        ("acme", "weekly with ACME", True),
        ("acme", "acmeist talk", False),
        ("acme", "macme", False),
        ("acme*", "acmeist talk", True),
        ("*acme", "macme", True),
        ("*cm*", "acme", True),
        ("acme*review", "ACME sprint review", True),
        ("acme*review", "acmereview", True),
        ("acme*review", "review acme", False),
        ("acme*review", "acme reviewer", False),
        ("acme * review", "acme review", False),
        ("sprint  review", "Sprint\t review", True),
        ("[ACME]", "[acme] call", True),
        ("[ACME]", "x[acme]y", True),
        ("c++", "C++ course", True),
        ("a.c", "abc", False),
        ("straße", "STRASSE", True),
        ("ﬁnance", "Finance", True),
        ("review", "preview review", True),
        ("ab", "aab ab", True),
        ("aa*aa", "aaa", False),
        ("aa*aa", "aa aa", True),
        ("acme", "", False),
    ],
)
def test_words_are_found_in_titles(pattern: str, title: str, *, fits: bool) -> None:
    assert TitlePattern(pattern).fits(title) is fits


@given(st.text("ab -*", min_size=1, max_size=7), st.text("ab -", max_size=12))
def test_titles_fit_as_a_regular_expression_says(pattern: str, title: str) -> None:
    folded = " ".join(pattern.split())
    if not folded.strip("* "):
        return
    edge = r"(?:(?<![^\W_])|(?![^\W_]))"
    body = "(?s:.)*".join(re.escape(piece) for piece in folded.split("*"))
    start = "" if folded.startswith("*") else edge
    end = "" if folded.endswith("*") else edge
    wanted = re.search(f"{start}{body}{end}", " ".join(title.split())) is not None
    assert TitlePattern(pattern).fits(title) is wanted


def test_no_pattern_takes_long_over_any_title() -> None:
    pattern = TitlePattern("*".join("a" * 100) + "b")
    began = time.perf_counter()
    assert not pattern.fits("a" * 100_000)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("title", "  "),
        ("title", "* *"),
        ("title", "x" * 255),
        ("calendar", "work"),
        ("address", "jo"),
        ("address", "@client.example"),
        ("address", "jo park@client.example"),
        ("address", "jo@client..example"),
        ("attendee_domain", "com"),
        ("attendee_domain", "client example"),
        ("attendee_domain", "client..example"),
        ("attendee_domain", f"{'x' * 64}.example"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused(kind: str, pattern: str) -> None:
    with pytest.raises(InvalidPatternError):
        rule(kind, pattern)


def test_a_domain_may_be_written_as_people_write_it() -> None:
    for text in ("@Client.example", "*.client.example", "client.example."):
        assert rule("attendee_domain", text).pattern == "client.example"
    assert normalize_domain("client example") is None
    assert normalize_address("odd") == "odd"


def test_kinds_go_before_each_other_and_then_the_first_rule() -> None:
    traits = event("Acme call", "jo@client.example")
    rules = [
        (ACME, rule("title", "acme")),
        (BOLT, rule("attendee_domain", "client.example")),
        (CORE, rule("address", "jo@client.example")),
        (ELSEWHERE, rule("calendar", str(CALENDAR))),
    ]
    for wanted in (ELSEWHERE, CORE, BOLT, ACME):
        assert owner(traits, *rules) == wanted
        rules.pop()
    first, second = (ACME, rule("title", "acme")), (BOLT, rule("title", "call"))
    assert owner(traits, first, second) == ACME
    assert owner(traits, second, first) == BOLT


def test_the_rule_names_the_project() -> None:
    matcher = ClientMatcher([OwnedRule(ACME, rule("title", "acme", "Relaunch"))])
    assert matcher.find(event("acme")) == ClientMatch(ACME, "Relaunch")
    assert matcher
    assert not ClientMatcher([])


NAMES = st.sampled_from(["jo@a.test", "al@x.a.test", "ed@b.test", "me@b.test", "io@y.x.a.test"])
RULES = st.one_of(
    st.builds(rule, st.just("address"), NAMES),
    st.builds(rule, st.just("attendee_domain"), st.sampled_from(["a.test", "x.a.test", "b.test"])),
    st.builds(rule, st.just("title"), st.sampled_from(["red", "blue", "red*blue", "gr*"])),
    st.builds(rule, st.just("calendar"), st.sampled_from([str(CALENDAR), str(ELSEWHERE)])),
)


def fits(one: ClientRule, traits: EventTraits, own: str) -> bool:
    """The definition, rule by rule."""
    match one.kind:
        case RuleKind.CALENDAR:
            return one.pattern == str(traits.calendar_id)
        case RuleKind.ADDRESS:
            return one.pattern in traits.people
        case RuleKind.ATTENDEE_DOMAIN:
            others = traits.people - traits.myself - {own}
            return any(f".{who.split('@')[1]}".endswith(f".{one.pattern}") for who in others)
        case RuleKind.TITLE:
            return TitlePattern(one.pattern).fits(traits.title)


@given(
    st.lists(st.tuples(st.sampled_from([ACME, BOLT, CORE]), RULES), max_size=8),
    st.lists(NAMES, max_size=3),
    st.sampled_from(["red", "blue", "red and blue", "green", ""]),
    st.sampled_from([CALENDAR, UUID(int=3)]),
)
def test_the_winner_is_the_first_in_the_order_of_precedence(
    rules: list[tuple[UUID, ClientRule]], people: list[str], title: str, calendar_id: UUID
) -> None:
    traits = event(title, *people, calendar_id=calendar_id)
    kinds = list(RuleKind)
    candidates = [
        (kinds.index(one.kind), -one.pattern.count(".") if "domain" in one.kind else 0, place)
        for place, (_, one) in enumerate(rules)
        if fits(one, traits, "me@b.test")
    ]
    wanted = rules[min(candidates)[2]][0] if candidates else None
    assert owner(traits, *rules, own=("me@b.test",)) == wanted
