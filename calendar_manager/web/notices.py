"""What a page says at its top after something was done: ``?done=`` with one of these words.

Only the word travels in the address, so nobody can put a sentence of theirs on our pages.
"""

from typing import Final

NOTICES: Final = {
    "saved": "Saved.",
    "connected": "The account is connected. Its calendars are being read.",
    "reading": "The calendars are being read.",
    "shared": "They may ask when you are free, if they have an account here.",
    "unshared": "That is over: neither side can ask through it any more.",
    "device": "The device is signed out.",
    "disconnected": "The account is disconnected, and what was read through it is removed.",
    "password": "Your password is changed. Your other devices are signed out.",
    "erased": "Your account and everything in it are deleted.",
    "conflict-resolved": "The conflict is resolved. It opens again by itself if a meeting moves.",
    "conflict-ignored": "The conflict is ignored. It opens again by itself if a meeting moves.",
    "client-added": "The client is added. Say below how their meetings are recognised.",
    "client-restored": "The client is back, with all that was assigned to it.",
    "rules-saved": "Saved. The rules are being applied to all your meetings.",
    "client-deleted": "The client is deleted. Its hours stay in your calendar.",
    "feed-made": "The feed is ready. Copy its address now: it is shown only once.",
    "feed-revoked": "The feed is revoked. Its address leads nowhere now.",
    "sync-asked": "The workers are asked to read the account's calendars.",
    "pushed": "Your hours are at Cal.com.",
}


def find_notice(word: str | None) -> str | None:
    """Return the sentence behind a word, or None."""
    return NOTICES.get(word or "")
