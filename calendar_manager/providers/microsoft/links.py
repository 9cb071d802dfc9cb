"""The way from page to page of a list, which Graph's links lead."""

import hashlib
from dataclasses import dataclass

from calendar_manager.providers.errors import ProviderError, RetryLaterError
from calendar_manager.providers.microsoft.fields import read_text

LINK_LIMIT = 65_536
"""The longest link that is followed."""

_DIGEST_BYTES = 8


@dataclass(slots=True)
class Trail:
    """Where a walk through the pages of a list has come from, to notice when it never ends.

    Of all links only one is remembered, and now and then exchanged for the present one: after 1,
    2, 4, 8 pages and so on. So a way that leads in a circle is noticed before three times as many
    pages were read as there are (R. P. Brent, "An improved Monte Carlo factorization algorithm",
    BIT 20, 1980), and the trail stays short enough to be kept with every page.

    Attributes:
        pages: How many links were followed.
        mark: A digest of the link that is remembered; empty before the first.
    """

    pages: int = 0
    mark: str = ""

    def turn(self, following: object, trouble: type[ProviderError] = RetryLaterError) -> str | None:
        """Return the link of the following page, or None when there is none.

        Args:
            following: What a page says of it.
            trouble: What to raise when the way leads in a circle.

        Raises:
            ProviderError: The page was already read, so the list would never end.
        """
        link = read_text(following, limit=LINK_LIMIT)
        if link is None:
            return None
        digest = hashlib.blake2b(link.encode(), digest_size=_DIGEST_BYTES).hexdigest()
        if digest == self.mark:
            raise trouble("Microsoft repeats a page of the list", reason="pageRepeated")
        self.pages += 1
        if self.pages & (self.pages - 1) == 0:
            self.mark = digest
        return link
