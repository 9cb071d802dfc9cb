"""The HTML of Microsoft's consent and error pages."""

from collections.abc import Mapping, Sequence
from html import escape

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}"
    "fieldset{border:1px solid #bbb;margin:1rem 0}label{display:block}"
    "button{font:inherit;padding:.4rem 1.2rem;margin-right:.5rem}small{color:#666}"
)


def render_consent(
    action: str,
    carried: Mapping[str, str],
    scopes: Sequence[str],
    accounts: Sequence[tuple[str, str]],
) -> str:
    """Return the page: account chooser, what is asked for, Accept and Cancel.

    Unlike Google's, Microsoft's page lets nobody untick a scope.

    Args:
        action: Where the form is posted.
        carried: The request's parameters, passed on in hidden fields.
        scopes: The scopes asked for.
        accounts: ``(email, name)`` of each; the one of ``login_hint`` is chosen beforehand.
    """
    hint = carried.get("login_hint", "").lower()
    chosen = hint if hint in {email for email, _ in accounts} else (accounts or [("", "")])[0][0]
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in carried.items()
    )
    choices = "".join(
        f'<label><input type="radio" name="account" value="{escape(email)}"'
        f"{' checked' if email == chosen else ''}> {escape(name)} "
        f"<small>{escape(email)}</small></label>"
        for email, name in accounts
    )
    wanted = "".join(f"<li>{escape(scope)}</li>" for scope in scopes)
    empty = "" if accounts else "<p>This sandbox has no Microsoft account yet.</p>"
    return _page(
        "Permissions requested",
        f"<p><b>{escape(carried['client_id'])}</b> would like to use your account.</p>{empty}"
        f'<form method="post" action="{escape(action)}">{hidden}'
        f"<fieldset><legend>Pick an account</legend>{choices}</fieldset>"
        f"<fieldset><legend>It would like to</legend><ul>{wanted}</ul></fieldset>"
        '<button name="decision" value="allow">Accept</button>'
        '<button name="decision" value="deny">Cancel</button></form>',
    )


def render_error(description: str) -> str:
    """Return the error page for a request that cannot be redirected."""
    return _page("Sign in", f"<p>Sorry, we can't sign you in.</p><p>{escape(description)}</p>")


def render_signed_out() -> str:
    """Return the page after signing out."""
    return _page("Sign out", "<p>You signed out of your account.</p>")


def _page(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{content}</body></html>"
    )
