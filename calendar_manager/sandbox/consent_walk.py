"""Walk the sandbox's consent page as a person's browser would: read the form, tick, submit."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

_TIMEOUT_SECONDS = 30.0


class ConsentPageError(Exception):
    """The authorization URL did not lead to a consent page, or its form was refused."""


@dataclass
class _Form:
    action: str = ""
    method: str = "get"
    hidden: list[tuple[str, str]] = field(default_factory=list)
    checkboxes: list[tuple[str, str]] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _FormReader(HTMLParser):
    """Collects the first form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.form: _Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and self.form is None:
            self.form = _Form(values.get("action", ""), values.get("method", "get"))
        if self.form is None or "name" not in values:
            return
        pair = (values["name"], values.get("value", ""))
        if tag == "button":
            self.form.buttons.append(pair)
        elif tag == "input":
            self._take_input(self.form, values.get("type", "text"), pair)

    @staticmethod
    def _take_input(form: _Form, kind: str, pair: tuple[str, str]) -> None:
        if kind == "hidden":
            form.hidden.append(pair)
        elif kind == "checkbox":
            form.checkboxes.append(pair)
        elif kind == "radio":
            form.choices.setdefault(pair[0], []).append(pair[1])


def approve_consent(
    session: requests.Session,
    authorization_url: str,
    email: str,
    *,
    deny: bool = False,
    untick: Collection[str] = (),
) -> str:
    """Open the consent page, choose the account, press Allow or Deny.

    Args:
        session: The browser; its cookies are sent and kept.
        authorization_url: Where the application sent its user.
        email: The sandbox account to choose.
        deny: Press Deny in place of Allow.
        untick: Scopes to leave unticked, as the page names them.

    Returns:
        The address that the provider redirects to, with ``code`` and ``state``, or ``error``. It
        is not opened; the caller opens it with the same session.

    Raises:
        ConsentPageError: The page is an error page, lacks the account, or refuses the form.
    """
    page = session.get(authorization_url, timeout=_TIMEOUT_SECONDS)
    reader = _FormReader()
    reader.feed(page.text)
    form = reader.form
    if page.status_code != requests.codes.ok or form is None:
        raise ConsentPageError(_describe(page))
    accounts = form.choices.get("account", [])
    if email not in accounts:
        raise ConsentPageError(f"{email} is not among the accounts {accounts}.")
    ticked = [(name, value) for name, value in form.checkboxes if value not in untick]
    fields = [*form.hidden, *ticked, ("account", email), ("decision", "deny" if deny else "allow")]
    answer = session.post(
        urljoin(page.url, form.action),
        data=fields,
        allow_redirects=False,
        timeout=_TIMEOUT_SECONDS,
    )
    location = answer.headers.get("Location")
    if answer.status_code != requests.codes.found or location is None:
        raise ConsentPageError(_describe(answer))
    return location


def _describe(answer: requests.Response) -> str:
    """Return the status and the visible text of a page, for the error's message."""
    _, _, content = answer.text.partition("<body>")
    visible = " ".join(re.sub(r"<[^>]*>", " ", content or answer.text).split())
    return f"{answer.status_code}: {visible[:500]}"
