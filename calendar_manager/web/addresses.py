"""Under which of its addresses the installation was called."""

from urllib.parse import urlsplit

from starlette.requests import Request

from calendar_manager.config import Settings


def find_base_url(request: Request, settings: Settings) -> str:
    """Return the address of ours that a request was sent to, without a slash at the end.

    Cookies belong to one host, so a consent has to end where it began. Only configured addresses
    are ever returned: an invented ``Host`` header leads nowhere else.

    Args:
        request: Any request.
        settings: Name ``FRONTEND_URL`` and ``PUBLIC_URL``.
    """
    host = request.headers.get("host", "").lower()
    if urlsplit(settings.frontend_url).netloc.lower() == host:
        return settings.frontend_url
    return find_public_url(settings)


def find_public_url(settings: Settings) -> str:
    """Return the address at which the world reaches us best, without a slash at the end.

    Without ``PUBLIC_URL`` that is ``FRONTEND_URL``, which may be for this machine alone.
    """
    return settings.public_url or settings.frontend_url


def is_secure(request: Request, settings: Settings) -> bool:
    """Tell whether a browser reaches us by https, so that cookies must never travel without."""
    return find_base_url(request, settings).startswith("https:")
