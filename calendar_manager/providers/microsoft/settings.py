"""What this provider has to be told from outside."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrosoftSettings:
    """The registered application and where Microsoft is.

    Attributes:
        client_id: The application (client) id from the Microsoft Entra admin center.
        client_secret: One of its client secrets.
        tenant_id: ``common`` for work, school and personal accounts, or one tenant's id.
        authority: The sign-in service without the tenant; https, or http on loopback for a
            stand-in.
        graph_url: The root of Microsoft Graph, version included, such as
            ``https://graph.microsoft.com/v1.0/``.
    """

    client_id: str
    client_secret: str = field(repr=False)
    tenant_id: str = "common"
    authority: str = "https://login.microsoftonline.com"
    graph_url: str = "https://graph.microsoft.com/v1.0/"
