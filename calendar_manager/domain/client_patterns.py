"""The texts that client rules compare: domains, addresses and titles in their normal forms."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from calendar_manager.domain.errors import InvalidPatternError

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_DOMAIN_MAXIMUM: Final = 253
_TITLE_MAXIMUM: Final = 2_000
"""Characters of a title that are looked at."""


@lru_cache(maxsize=4096)
def normalize_domain(name: str) -> str | None:
    """Return a domain in small letters and in its ASCII form (RFC 3490), or None if it is none."""
    try:
        domain = name.strip().removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    if len(domain) > _DOMAIN_MAXIMUM:
        return None
    return domain if all(_LABEL.fullmatch(label) for label in domain.split(".")) else None


@lru_cache(maxsize=4096)
def normalize_address(address: str) -> str:
    """Return an address by which people are compared: case folded, its domain in ASCII.

    RFC 5321 leaves the case of the part before the ``@`` to the host, and no host that people
    use tells two people apart by it. What is no address is only case folded.
    """
    local, at, domain = address.strip().rpartition("@")
    known = normalize_domain(domain)
    folded = domain.casefold() if known is None else known
    return f"{_fold(local)}{at}{folded}"


class TitlePattern:
    """Words to be found in a title.

    The words have to stand in the title as they are, whatever the case and however many blanks
    are between them, and must not be a part of longer words: ``acme`` is in ``Acme: weekly`` and
    not in ``Acmeist talk``. A ``*`` stands for any characters or none, so ``acme*`` is in both,
    and ``acme*review`` is in ``ACME sprint review``.

    The time to look grows with the length of the title times that of the pattern, at worst.

    Args:
        pattern: As the user wrote it.

    Raises:
        InvalidPatternError: There is nothing but stars in it.
    """

    def __init__(self, pattern: str) -> None:
        folded = _fold(pattern)
        self._pieces = [piece for piece in folded.split("*") if piece]
        if not any(piece.strip() for piece in self._pieces):
            raise InvalidPatternError("Enter some words beside the stars.")
        self._from_word = not folded.startswith("*")
        self._to_word = not folded.endswith("*")

    def fits(self, title: str) -> bool:
        """Tell whether the words are in a title."""
        text = _fold(title[:_TITLE_MAXIMUM])
        place, last = 0, len(self._pieces) - 1
        for number, piece in enumerate(self._pieces):
            # The earliest place that fits leaves the most room for what follows.
            found = _find(
                text,
                piece,
                place,
                from_word=self._from_word and number == 0,
                to_word=self._to_word and number == last,
            )
            if found < 0:
                return False
            place = found + len(piece)
        return True


def _find(text: str, piece: str, place: int, *, from_word: bool, to_word: bool) -> int:
    """Return where a piece is first found that does not cut a word it may not cut, or -1."""
    found = text.find(piece, place)
    while found >= 0:
        cuts = (from_word and _is_inside_word(text, found)) or (
            to_word and _is_inside_word(text, found + len(piece))
        )
        if not cuts:
            return found
        found = text.find(piece, found + 1)
    return -1


def _is_inside_word(text: str, place: int) -> bool:
    """Tell whether there are letters or digits on both sides of a place."""
    return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()


def _fold(text: str) -> str:
    """Return a text in which only differences remain that count (Unicode, section 3.13)."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())
