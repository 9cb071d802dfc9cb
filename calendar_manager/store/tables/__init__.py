"""Every table, so that the metadata is whole wherever one of them is imported."""

from calendar_manager.store.tables.base import Base
from calendar_manager.store.tables.calendars import (
    CalendarChangeRow,
    CalendarRow,
    ChannelRow,
    ConnectionRow,
    FullReadRow,
    ReadMarkRow,
)
from calendar_manager.store.tables.clients import ClientRow, ClientRuleRow, EventAssignmentRow
from calendar_manager.store.tables.conflicts import (
    ConflictCheckRow,
    ConflictHistoryRow,
    ConflictRow,
)
from calendar_manager.store.tables.events import EventRow, OccurrenceRow, SeriesInstanceRow
from calendar_manager.store.tables.exports import CaldotcomExportRow
from calendar_manager.store.tables.feeds import FeedRow
from calendar_manager.store.tables.sharing import AvailabilityGrantRow
from calendar_manager.store.tables.sync_jobs import SyncJobRow
from calendar_manager.store.tables.users import (
    AuditRow,
    AvailabilityRulesRow,
    LoginSessionRow,
    OAuthStateRow,
    UserRow,
)

__all__ = [
    "AuditRow",
    "AvailabilityGrantRow",
    "AvailabilityRulesRow",
    "Base",
    "CaldotcomExportRow",
    "CalendarChangeRow",
    "CalendarRow",
    "ChannelRow",
    "ClientRow",
    "ClientRuleRow",
    "ConflictCheckRow",
    "ConflictHistoryRow",
    "ConflictRow",
    "ConnectionRow",
    "EventAssignmentRow",
    "EventRow",
    "FeedRow",
    "FullReadRow",
    "LoginSessionRow",
    "OAuthStateRow",
    "OccurrenceRow",
    "ReadMarkRow",
    "SeriesInstanceRow",
    "SyncJobRow",
    "UserRow",
]
