"""One account's line to Cal.com's API v2, through requests."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlencode

import requests
import urllib3.exceptions
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from calendar_manager.domain.accounts import ProviderKind
from calendar_manager.providers.base import Gate, always_open
from calendar_manager.providers.caldotcom.failures import (
    SILENCE,
    Asked,
    BriefTroubleError,
    NotFoundError,
    classify_refusal,
)
from calendar_manager.providers.caldotcom.fields import read_list, read_mapping
from calendar_manager.providers.caldotcom.settings import CalDotComVersions
from calendar_manager.providers.call_log import ProviderCall, make_template
from calendar_manager.providers.errors import ProviderError, RetryLaterError

VERSION_HEADER = "cal-api-version"

_ME_SETTING = "CALCOM_ME_VERSION"
_BOOKINGS_SETTING = "CALCOM_BOOKINGS_VERSION"
_OUT_OF_OFFICE_SETTING = "CALCOM_OUT_OF_OFFICE_VERSION"
_SCHEDULES_SETTING = "CALCOM_SCHEDULES_VERSION"

_OK = 200
_CREATED = 201
_NO_CONTENT = 204
_SUCCESSES = frozenset({_OK, _CREATED, _NO_CONTENT})
_ATTEMPTS = 3
_SHORTEST_WAIT = timedelta(milliseconds=100)
_LONGEST_WAIT = timedelta(milliseconds=700)
_DEFAULT_TIMEOUT = timedelta(seconds=30)
_CHUNK_BYTES = 65_536
_PATH_WORDS = frozenset({"me", "ooo", "bookings", "schedules", "webhooks"})
_BODY_LIMIT_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Answer:
    """What Cal.com sent.

    Attributes:
        data: The envelope's ``data``, whatever it is.
        pagination: The envelope's ``pagination``, in either shape; empty when there is none.
        sent_at: Cal.com's own time of the answer, None when it does not tell.
    """

    data: object
    pagination: Mapping[str, object]
    sent_at: datetime | None


class CalDotComClient:
    """Asks for pages and turns every failure into one of ``providers/errors.py``.

    Not shared between threads, because a requests session is not.

    Args:
        api_url: The root of API v2, version included.
        access_token: An OAuth access token or an API key; refreshing is the caller's business.
        versions: The version of each endpoint.
        gate: Passed before every request, second tries included.
        timeout: The longest silence on the line.
    """

    def __init__(
        self,
        api_url: str,
        access_token: str,
        *,
        versions: CalDotComVersions,
        gate: Gate = always_open,
        timeout: timedelta = _DEFAULT_TIMEOUT,
    ) -> None:
        self._api_url = api_url.rstrip("/")
        self._gate = gate
        self._versions = versions
        self._timeout = timeout.total_seconds()
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"
        # As an authentication of its own it cannot give way to an entry of ~/.netrc.
        self._session.auth = _Bearer(access_token)

    def pull_profile(self) -> Answer:
        """Ask whose account it is.

        Raises:
            ProviderError: As :class:`~calendar_manager.providers.base.CalendarProvider` says.
        """
        asked = Asked(path="me", version=self._versions.me, version_setting=_ME_SETTING)
        return self._ask("GET", asked)

    def pull_bookings(self, parameters: Mapping[str, str]) -> Answer:
        """Ask for one page of the account's bookings.

        Args:
            parameters: The query, as :class:`~calendar_manager.providers.caldotcom.walk` makes it.

        Raises:
            ProviderError: As above; also when the answer has the shape of another version.
        """
        asked = Asked(
            path="bookings",
            version=self._versions.bookings,
            version_setting=_BOOKINGS_SETTING,
            cursor="cursor" in parameters,
        )
        answer = self._ask("GET", asked, parameters)
        _check_list(answer, asked)
        return answer

    def pull_out_of_office(self, *, take: int, skip: int) -> Answer | None:
        """Ask for some of the account's absences, the earliest first.

        Returns:
            The answer, or None when this build of Cal.com has no such endpoint.

        Raises:
            ProviderError: As above.
        """
        query = {"take": str(take), "skip": str(skip), "sortStart": "asc"}
        asked = Asked(
            path="me/ooo",
            version=self._versions.out_of_office,
            version_setting=_OUT_OF_OFFICE_SETTING,
        )
        try:
            answer = self._ask("GET", asked, query)
        except NotFoundError:
            return None
        _check_list(answer, asked)
        return answer

    def push_out_of_office(self, body: Mapping[str, object]) -> None:
        """Add an absence; asked for only once, because a second try would be a duplicate.

        Raises:
            SchedulesUnavailableError: We may not write absences.
            ProviderError: As above.
        """
        self._ask_only_once("POST", self._ask_out_of_office(), body)

    def delete_out_of_office(self, entry_id: str) -> None:
        """Delete an absence.

        Raises:
            SchedulesUnavailableError: We may not write absences.
            NotFoundError: There is none with this id.
            ProviderError: As above.
        """
        self._ask("DELETE", self._ask_out_of_office(entry_id))

    def pull_webhooks(self, *, take: int, skip: int) -> Sequence[object]:
        """Ask for some of the account's webhooks.

        Raises:
            ChannelsUnavailableError: We may not have webhooks.
            NotFoundError: This build has no such endpoint.
            ProviderError: As above.
        """
        asked = Asked(path="webhooks", webhooks=True)
        answer = self._ask("GET", asked, {"take": str(take), "skip": str(skip)})
        _check_list(answer, asked)
        return read_list(answer.data)

    def pull_webhook(self, webhook_id: str) -> object:
        """Ask for one webhook.

        Raises:
            ChannelsUnavailableError: We may not have webhooks.
            NotFoundError: There is none with this id.
            ProviderError: As above.
        """
        return self._ask("GET", _ask_webhook(webhook_id)).data

    def push_webhook(self, body: Mapping[str, object], webhook_id: str | None = None) -> object:
        """Make a webhook, or change the one with an id, and return it.

        A new one is asked for only once, because a second try could make a second webhook.

        Raises:
            BadRequestError: Cal.com does not take it.
            ChannelsUnavailableError: We may not have webhooks.
            NotFoundError: There is none with this id.
            ProviderError: As above.
        """
        if webhook_id is None:
            return self._ask_only_once("POST", Asked(path="webhooks", webhooks=True), body).data
        return self._ask("PATCH", _ask_webhook(webhook_id), body=body).data

    def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook.

        Raises:
            ChannelsUnavailableError: We may not have webhooks.
            NotFoundError: There is none with this id.
            ProviderError: As above.
        """
        self._ask("DELETE", _ask_webhook(webhook_id))

    def pull_schedules(self) -> Sequence[object]:
        """Ask for all schedules of the account.

        Raises:
            SchedulesUnavailableError: We may not have them.
            ProviderError: As above.
        """
        asked = self._ask_schedules()
        answer = self._ask("GET", asked)
        _check_list(answer, asked)
        return read_list(answer.data)

    def push_schedule(self, body: Mapping[str, object], schedule_id: str | None = None) -> object:
        """Make a schedule, or change the one with an id, and return it.

        A new one is asked for only once, because a second try could make a second schedule.

        Raises:
            BadRequestError: Cal.com does not take it.
            SchedulesUnavailableError: We may not write schedules.
            NotFoundError: There is none with this id, or no such endpoint.
            ProviderError: As above.
        """
        if schedule_id is None:
            return self._ask_only_once("POST", self._ask_schedules(), body).data
        return self._ask("PATCH", self._ask_schedules(schedule_id), body=body).data

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _ask_out_of_office(self, entry_id: str | None = None) -> Asked:
        return Asked(
            path="me/ooo" if entry_id is None else f"me/ooo/{quote(entry_id, safe='')}",
            version=self._versions.out_of_office,
            version_setting=_OUT_OF_OFFICE_SETTING,
            schedules=True,
        )

    def _ask_schedules(self, schedule_id: str | None = None) -> Asked:
        return Asked(
            path="schedules" if schedule_id is None else f"schedules/{quote(schedule_id, safe='')}",
            version=self._versions.schedules,
            version_setting=_SCHEDULES_SETTING,
            schedules=True,
        )

    def _ask(
        self,
        method: str,
        asked: Asked,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Answer:
        retrying = Retrying(
            retry=retry_if_exception_type(BriefTroubleError),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random(_SHORTEST_WAIT.total_seconds(), _LONGEST_WAIT.total_seconds()),
            reraise=True,
        )
        return retrying(self._ask_once, _follow(method, asked), asked, parameters, body)

    def _ask_only_once(self, method: str, asked: Asked, body: Mapping[str, object]) -> Answer:
        return self._ask_once(_follow(method, asked), asked, None, body)

    def _ask_once(
        self,
        call: ProviderCall,
        asked: Asked,
        parameters: Mapping[str, str] | None,
        body: Mapping[str, object] | None,
    ) -> Answer:
        self._gate()
        with call.request():
            return self._send(call, asked, parameters, body)

    def _send(
        self,
        call: ProviderCall,
        asked: Asked,
        parameters: Mapping[str, str] | None,
        body: Mapping[str, object] | None,
    ) -> Answer:
        query = f"?{urlencode(parameters, safe=',:')}" if parameters else ""
        try:
            with self._session.request(
                call.method,
                f"{self._api_url}/{asked.path}{query}",
                json=body,
                headers={} if asked.version is None else {VERSION_HEADER: asked.version},
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                call.status = response.status_code
                answer = _read_body(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if _is_silence(error):
                raise RetryLaterError("Cal.com did not answer in time", reason=SILENCE) from error
            raise BriefTroubleError(
                f"The line to Cal.com broke: {type(error).__name__}", reason="connection"
            ) from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        if response.status_code not in _SUCCESSES:
            raise classify_refusal(response.status_code, headers, answer, asked=asked)
        if response.status_code == _NO_CONTENT:
            return Answer(None, {}, _read_date(headers))
        return _open_envelope(headers, answer, asked)


class _Bearer(requests.auth.AuthBase):
    """Sends a token as RFC 6750, section 2.1, has it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _follow(method: str, asked: Asked) -> ProviderCall:
    return ProviderCall(ProviderKind.CALDOTCOM, method, make_template(asked.path, _PATH_WORDS))


def _ask_webhook(webhook_id: str) -> Asked:
    return Asked(path=f"webhooks/{quote(webhook_id, safe='')}", webhooks=True)


def _is_silence(error: Exception) -> bool:
    """Tell whether a line was silent for too long, for which requests has two names."""
    causes = (error, *error.args)
    return any(
        isinstance(one, requests.Timeout | urllib3.exceptions.TimeoutError) for one in causes
    )


def _read_body(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        body += chunk
        if len(body) > _BODY_LIMIT_BYTES:
            raise RetryLaterError("Cal.com's answer is too long", reason="tooLong")
    return bytes(body)


def _open_envelope(headers: Mapping[str, str], body: bytes, asked: Asked) -> Answer:
    try:
        envelope: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BriefTroubleError("Cal.com's answer cannot be read", reason="invalidBody") from error
    if not isinstance(envelope, dict):
        raise BriefTroubleError("Cal.com's answer is not a JSON object", reason="invalidBody")
    if envelope.get("status") == "error":
        raise classify_refusal(_OK, headers, body, asked=asked)
    return Answer(
        envelope.get("data"), read_mapping(envelope.get("pagination")), _read_date(headers)
    )


def _check_list(answer: Answer, asked: Asked) -> None:
    """Check that an answer is a list; nothing else may pass for an empty one.

    Raises:
        ProviderError: It is not. Without a version that it knows, Cal.com falls back to an older
            one, whose bookings are an object.
    """
    if not isinstance(answer.data, list):
        raise ProviderError(
            f"Cal.com sent no list, but an older or newer shape. {asked.hint}", reason="otherShape"
        )


def _read_date(headers: Mapping[str, str]) -> datetime | None:
    try:
        sent_at = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return sent_at if sent_at.tzinfo is not None else None
