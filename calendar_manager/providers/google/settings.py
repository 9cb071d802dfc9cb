"""What this provider has to be told from outside."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleSettings:
    """The registered application and where Google is.

    Attributes:
        client_id: The OAuth client's id from the Google Cloud console.
        client_secret: Its secret.
        auth_url: The consent page.
        token_url: Where codes and refresh tokens are exchanged.
        revoke_url: Where a grant is given back.
        api_url: The root of the Calendar API, version and path included, such as
            ``https://www.googleapis.com/calendar/v3/``.
    """

    client_id: str
    client_secret: str = field(repr=False)
    auth_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105  An address, no secret.
    revoke_url: str = "https://oauth2.googleapis.com/revoke"
    api_url: str = "https://www.googleapis.com/calendar/v3/"
