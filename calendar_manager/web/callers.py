"""Where a request comes from."""

from starlette.requests import Request


def find_address(request: Request) -> str | None:
    """Return the network address of a caller, or None where the server does not know it.

    Behind a proxy, uvicorn replaces its address by the one in ``X-Forwarded-For``, when the proxy
    is among those that ``FORWARDED_ALLOW_IPS`` trusts; by default, this machine alone. The header
    itself is not read here, because anybody can send one.
    """
    return None if request.client is None else request.client.host
