import pytest
from structlog.testing import capture_logs

from calendar_manager.domain.sync_jobs import SyncKind, SyncStatus
from calendar_manager.sandbox.control_calls import FaultKind
from calendar_manager.sync.discovery import adopt_calendars, discover_calendars
from tests.sync.desk import EMAIL, Desk, timed

pytestmark = pytest.mark.store


def names(desk: Desk) -> list[str]:
    with desk.context.store.begin() as uow:
        return sorted(calendar.name for calendar, _ in uow.calendars.list(desk.user_id))


def test_a_new_calendar_is_found_and_its_first_run_queued(desk: Desk) -> None:
    desk.control.add_calendar(EMAIL, "Projects")
    (job,) = discover_calendars(desk.context, desk.connection.id)
    assert job.kind is SyncKind.INITIAL
    assert "Projects" in names(desk)


def test_a_calendar_that_the_person_hides_is_known_but_not_read(desk: Desk) -> None:
    desk.control.add_calendar(EMAIL, "Noise", selected=False)
    assert discover_calendars(desk.context, desk.connection.id) == []
    assert "Noise" in names(desk)


def test_settings_survive_a_discovery(desk: Desk) -> None:
    with desk.context.store.begin() as uow:
        uow.calendars.change(desk.user_id, desk.calendar_id, blocks_availability=False)
    discover_calendars(desk.context, desk.connection.id)
    with desk.context.store.begin() as uow:
        calendar = uow.calendars.find(desk.user_id, desk.calendar_id)
    assert calendar is not None
    assert not calendar.blocks_availability


def test_a_calendar_that_is_gone_disappears_and_comes_back_read_anew(desk: Desk) -> None:
    entry = desk.control.add_calendar(EMAIL, "Projects", calendar_id="projects@example.test")
    discover_calendars(desk.context, desk.connection.id)
    desk.control.remove_calendar(EMAIL, entry["id"])
    assert discover_calendars(desk.context, desk.connection.id) == []
    assert "Projects" not in names(desk)
    desk.control.add_calendar(EMAIL, "Projects", calendar_id="projects@example.test")
    (job,) = discover_calendars(desk.context, desk.connection.id)
    assert job.kind is SyncKind.INITIAL
    assert "Projects" in names(desk)


def test_nothing_is_gone_because_the_list_could_not_be_read(desk: Desk) -> None:
    desk.control.create_events(EMAIL, [timed("Call", "03 09:00", "03 10:00")])
    desk.sync()
    before = names(desk)
    desk.control.add_fault("server_error", path="calendarList")
    assert discover_calendars(desk.context, desk.connection.id) == []
    assert names(desk) == before
    assert len(desk.spans()) == 1


@pytest.mark.parametrize(
    "fault", ["server_error", "too_many_requests", "quota_403", "reset_mid_body"]
)
def test_no_kind_of_trouble_takes_a_calendar_away(desk: Desk, fault: FaultKind) -> None:
    before = names(desk)
    desk.control.add_fault(fault, path="calendarList")
    assert discover_calendars(desk.context, desk.connection.id) == []
    assert names(desk) == before


def test_a_list_that_is_suddenly_empty_is_not_believed(desk: Desk) -> None:
    desk.control.create_events(EMAIL, [timed("Call", "03 09:00", "03 10:00")])
    desk.sync()
    before = names(desk)
    with capture_logs() as logs, desk.context.store.begin() as uow:
        assert adopt_calendars(uow, desk.connection, [], now=desk.clock()) == []
    assert [line["event"] for line in logs] == ["discovery_disbelieved"]
    assert names(desk) == before
    assert len(desk.spans()) == 1
    assert desk.rows("SELECT 1 FROM calendars WHERE gone_at IS NOT NULL") == []


def test_a_calendar_that_was_read_and_comes_back_is_read_anew_as_a_whole(desk: Desk) -> None:
    name = "projects@example.test"

    def add() -> None:
        desk.control.add_calendar(EMAIL, "Projects", calendar_id=name)

    def put(title: str, day: str) -> None:
        desk.control.create_events(EMAIL, [timed(title, f"{day} 09:00", f"{day} 10:00")], name)

    add()
    put("Old", "03")
    (first,) = discover_calendars(desk.context, desk.connection.id)
    desk.run(first)
    assert [title for title, _, _ in desk.spans()] == ["Old"]
    desk.control.remove_calendar(EMAIL, name)
    discover_calendars(desk.context, desk.connection.id)
    add()
    put("New", "04")
    (job,) = discover_calendars(desk.context, desk.connection.id)
    assert job.kind is SyncKind.FULL
    desk.run(job)
    assert desk.job(job.id).status is SyncStatus.SUCCEEDED
    assert [title for title, _, _ in desk.spans()] == ["New"]
