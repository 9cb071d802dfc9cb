"""Cal.com's part of the sandbox: consent, tokens and API keys, API v2 with its versions per path.

``router`` joins the HTTP doors over one ``CaldotcomState``: ``oauth`` and ``tokens`` let people and
programs in, ``call`` checks each request, ``bookings``, ``schedules``, ``out_of_office``,
``event_types``, ``slots`` and ``me`` are the API. ``booking`` holds what was booked, ``changes``
what guests and hosts do to it, ``listing`` and ``pages`` what a list shows of it.

Beside the official description, the behaviour follows what Cal.com documents and what its formerly
open source did. The state belongs to the event loop: every door is a coroutine that changes it
without awaiting in between, so that it needs no lock.
"""
