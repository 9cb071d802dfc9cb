"""Microsoft's part of the sandbox: sign-in, Graph's calendars and events, delta links, webhooks.

``router`` joins the HTTP doors over one ``GraphState``: ``authorize`` and ``tokens`` are the
identity platform, ``calendars``, ``events``, ``views`` and ``subscriptions`` are Graph. ``items``
holds what Outlook stores, ``instances`` where that stands on the calendar, ``delta`` what a delta
link tells of it, ``edits`` what people do to it.

The state belongs to the event loop: every door is a coroutine that changes it without awaiting in
between, so that it needs no lock. Threads (notifications) receive immutable messages only.
"""
