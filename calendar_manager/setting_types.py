"""The kinds of addresses among the settings, each with what it has to be."""

import ipaddress
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator


def _is_loopback(host: str) -> bool:
    """Whether a host name is this machine by definition (RFC 6761 section 6.3, RFC 1122)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port  # A port that is no number only shows when it is asked for.
    except ValueError as error:
        # The original message would repeat a piece of the value, perhaps of a password.
        raise ValueError("This is not a URL. Write special characters as %XX.") from error
    return parts


def _check_base_url(value: str) -> str:
    """Accept https anywhere, and http only where it cannot leave the machine."""
    parts = _split(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("This is not a web address. Write it as https://host/path.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError(
            "Plain http is only allowed for this machine (localhost, 127.0.0.1). Use https."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("Leave out user names, '?…' and '#…': this is the start of addresses.")
    return value.rstrip("/")


def _check_folder_url(value: str) -> str:
    """As `_check_base_url`, ending in ``/``, which ``urljoin`` and Google's client build on."""
    return _check_base_url(value) + "/"


def _check_database_url(value: str) -> str:
    """Accept PostgreSQL only, and name the driver, because SQLAlchemy has several."""
    parts = _split(value)
    if parts.scheme not in {"postgres", "postgresql", "postgresql+psycopg2"}:
        raise ValueError("Only PostgreSQL works here.")
    if not parts.path.strip("/"):
        raise ValueError("The name of the database is missing at the end.")
    return "postgresql+psycopg2" + value[len(parts.scheme) :]


def _check_redis_url(value: str) -> str:
    parts = _split(value)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("Only redis:// and rediss:// (TLS) addresses work here.")
    if not (parts.path in {"", "/"} or parts.path[1:].isdecimal()):
        raise ValueError("The database at the end is a number, such as /0.")
    return value


BaseUrl = Annotated[str, AfterValidator(_check_base_url)]
FolderUrl = Annotated[str, AfterValidator(_check_folder_url)]
DatabaseUrl = Annotated[str, AfterValidator(_check_database_url)]
RedisUrl = Annotated[str, AfterValidator(_check_redis_url)]
