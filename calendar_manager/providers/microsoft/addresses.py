"""Where in Microsoft Graph things are, and which links of its answers may be followed."""

from urllib.parse import quote, unquote, urlencode, urlsplit

from calendar_manager.domain.timespan import Span
from calendar_manager.providers.call_log import make_template
from calendar_manager.providers.errors import ProviderError

MAX_PAGE = 500
"""How many calendars or instances to ask for at once; ``$top`` may be 1000 at most."""

EVENT_FIELDS = (
    "id",
    "type",
    "seriesMasterId",
    "changeKey",
    "iCalUId",
    "subject",
    "bodyPreview",
    "start",
    "end",
    "isAllDay",
    "isCancelled",
    "isOrganizer",
    "originalStart",
    "originalStartTimeZone",
    "recurrence",
    "showAs",
    "sensitivity",
    "responseStatus",
    "organizer",
    "attendees",
    "location",
    "onlineMeeting",
    "onlineMeetingUrl",
    "lastModifiedDateTime",
)
"""What is asked for of events; above all their bodies are not. Delta queries cannot choose."""


_PATH_WORDS = frozenset(
    {"me", "calendars", "calendarView", "delta", "events", "instances", "subscriptions"}
)


class GraphAddresses:
    """Builds and checks addresses under one root.

    Args:
        graph_url: The root of Microsoft Graph, version included.
    """

    def __init__(self, graph_url: str) -> None:
        self._root = graph_url.rstrip("/") + "/"
        self._parts = urlsplit(self._root)

    def calendars(self) -> str:
        """Return the list of the account's calendars."""
        return f"{self._root}me/calendars?{_query({'$top': str(MAX_PAGE)})}"

    def delta(self, calendar_id: str, window: Span) -> str:
        """Return the beginning of a round over one calendar; it takes no further parameters."""
        calendar = f"{self._root}me/calendars/{_segment(calendar_id)}"
        return f"{calendar}/calendarView/delta?{_query(_limits(window))}"

    def event(self, calendar_id: str, event_id: str) -> str:
        """Return one event of one calendar.

        Immutable ids live on in other calendars, so the calendar is named, too.
        """
        calendar = f"{self._root}me/calendars/{_segment(calendar_id)}"
        return f"{calendar}/events/{_segment(event_id)}?{_query(_selection())}"

    def instances(self, series_id: str, window: Span) -> str:
        """Return the instances of a series that share time with a window."""
        query = {**_limits(window), "$top": str(MAX_PAGE), **_selection()}
        return f"{self._root}me/events/{_segment(series_id)}/instances?{_query(query)}"

    def subscriptions(self) -> str:
        """Return where subscriptions are made."""
        return f"{self._root}subscriptions"

    def subscription(self, subscription_id: str) -> str:
        """Return one subscription."""
        return f"{self._root}subscriptions/{_segment(subscription_id)}"

    def name_endpoint(self, url: str) -> str:
        """Return what an address of ours is for, without ids and without its query."""
        return make_template(urlsplit(url).path.removeprefix(self._parts.path), _PATH_WORDS)

    def is_inside(self, link: str) -> bool:
        """Tell whether a link leads to the configured scheme, host, port and path.

        The access token goes wherever a link leads, and links come from answers and from the
        database.
        """
        try:
            parts = urlsplit(link)
        except ValueError:
            return False
        segments = unquote(parts.path).replace("\\", "/").split("/")
        return (
            parts.scheme == self._parts.scheme
            and parts.netloc.lower() == self._parts.netloc.lower()
            and parts.path.startswith(self._parts.path)
            and not {".", ".."} & set(segments)
            and link.isascii()
            and link.isprintable()
        )

    def check(self, link: str) -> str:
        """Return a link as it is.

        Raises:
            ProviderError: It leads out of the configured place.
        """
        if not self.is_inside(link):
            raise ProviderError(
                "Microsoft's answer leads to another place than the configured one.",
                reason="foreignLink",
            )
        return link


def name_events(calendar_id: str) -> str:
    """Return the events of a calendar as a subscription names them, without the root.

    Ids stand there as Graph writes them, an equals sign at their end included; only what would
    break the path is escaped.
    """
    return f"/me/calendars/{quote(calendar_id, safe='=')}/events"


def _segment(value: str) -> str:
    return quote(value, safe="")


def _query(parameters: dict[str, str]) -> str:
    return urlencode(parameters, safe="$,:", quote_via=quote)


def _selection() -> dict[str, str]:
    return {"$select": ",".join(EVENT_FIELDS)}


def _limits(window: Span) -> dict[str, str]:
    return {
        "startDateTime": f"{window.start:%Y-%m-%dT%H:%M:%SZ}",
        "endDateTime": f"{window.end:%Y-%m-%dT%H:%M:%SZ}",
    }
