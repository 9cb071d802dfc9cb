"""What this provider has to be told from outside."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class CalDotComVersions:
    """The ``cal-api-version`` of each endpoint; Cal.com has no way to ask which ones it knows.

    A version is a date. None sends no version, which is right for endpoints that have only one.

    Attributes:
        bookings: Of ``/bookings``. Those from ``2026-05-01`` on are read by a cursor.
        schedules: Of ``/schedules``.
        event_types: Of ``/event-types``.
        me: Of ``/me``.
        out_of_office: Of ``/me/ooo``.
    """

    bookings: str | None = "2024-08-13"
    schedules: str | None = "2024-06-11"
    event_types: str | None = "2024-06-14"
    me: str | None = None
    out_of_office: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalDotComSettings:
    """The registered application, if any, and where Cal.com is.

    Attributes:
        client_id: The OAuth client's id from Cal.com's developer settings; None when accounts
            connect by API key only.
        client_secret: Its secret; None for a public client, which has PKCE alone.
        auth_url: The consent page.
        token_url: Where codes and refresh tokens are exchanged.
        api_url: The root of API v2, version and trailing slash included.
        versions: The version of each endpoint.
    """

    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    auth_url: str = "https://app.cal.com/auth/oauth2/authorize"
    token_url: str = "https://api.cal.com/v2/auth/oauth2/token"  # noqa: S105  An address, no secret.
    api_url: str = "https://api.cal.com/v2/"
    versions: CalDotComVersions = field(default_factory=CalDotComVersions)
