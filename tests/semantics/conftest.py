from collections.abc import Iterator

import pytest

from tests.semantics.server_zones import SERVER_ZONES, server_in


@pytest.fixture(scope="module", params=SERVER_ZONES)
def server_zone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the tests of a module in each time zone of the server."""
    with server_in(request.param):
        yield
