"""The public HTTP API, as a person's program would use it."""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Any, Final, TypeVar

import requests

from calendar_manager.launch.errors import LaunchError

ANSWER_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.2

Json = dict[str, Any]

T = TypeVar("T")


class ApiError(LaunchError):
    """The API refused a request, or something did not happen in time."""


class ApiClient:
    """Talks to one installation; keeps cookies, as the way through OAuth needs them.

    Args:
        base_url: Such as ``http://127.0.0.1:8000``.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.session = requests.Session()
        # A proxy of the environment knows nothing of this machine's ports.
        self.session.trust_env = False
        self._headers = {"Accept": "application/json"}

    def close(self) -> None:
        """Close all connections."""
        self.session.close()

    def log_in(self, email: str, password: str) -> None:
        """Log in, and use the access token from now on."""
        tokens = self.post("/api/auth/login", {"email": email, "password": password})
        self._headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def get(self, path: str, **query: Any) -> Json:  # noqa: ANN401 - any value fits a query.
        """Read something.

        Raises:
            ApiError: The answer is no success.
        """
        return self._send("GET", path, params=query)

    def get_all(self, path: str, **query: Any) -> list[Json]:  # noqa: ANN401 - as get.
        """Read a list through all its pages."""
        items: list[Json] = []
        page = self.get(path, **query)
        items += page["items"]
        while page["next_cursor"]:
            page = self.get(path, **query, cursor=page["next_cursor"])
            items += page["items"]
        return items

    def post(self, path: str, body: Json | None = None) -> Json:
        """Send something.

        Raises:
            ApiError: The answer is no success.
        """
        return self._send("POST", path, json=body)

    def _send(self, method: str, path: str, **options: Any) -> Json:  # noqa: ANN401 - requests' own.
        url = path if path.startswith("http") else self.base_url + path
        try:
            answer = self.session.request(
                method, url, headers=self._headers, timeout=ANSWER_SECONDS, **options
            )
        except requests.RequestException as error:
            raise ApiError(f"{method} {path}: {error}") from error
        if not answer.ok:
            raise ApiError(f"{method} {path} answered {answer.status_code}: {_explain(answer)}")
        body: Json = answer.json() if answer.content else {}
        return body


def _explain(answer: requests.Response) -> str:
    """Return what a problem document says, or the beginning of whatever came."""
    try:
        problem = answer.json()
        return str(problem.get("detail") or problem.get("title") or problem)
    except (ValueError, AttributeError):
        return answer.text[:300]


def wait_for(look: Callable[[], T | None], what: str, seconds: float) -> T:
    """Look again and again until there is something.

    Raises:
        ApiError: It did not come in time.
    """
    deadline = monotonic() + seconds
    pause = Event()
    while (found := look()) is None:
        if monotonic() > deadline:
            raise ApiError(f"{what} did not happen within {seconds:.0f} s.")
        pause.wait(POLL_SECONDS)
    return found
