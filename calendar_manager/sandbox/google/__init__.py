"""Google's part of the sandbox: OAuth, calendar lists, events, sync tokens, push channels.

``router`` joins the HTTP doors (``oauth``, ``calendar_list``, ``calendars``, ``events``,
``freebusy``, ``channels``) over one ``GoogleState``. ``series`` holds what an edit does to a
recurring event, ``listing`` and ``sync_tokens`` what a list and its delta carry. Parameters, enums
and scopes come from Google's own discovery document (``discovery``).

The state belongs to the event loop: every door is a coroutine that changes it without awaiting in
between, so that it needs no lock. Threads (notifications) receive immutable messages only.
"""
