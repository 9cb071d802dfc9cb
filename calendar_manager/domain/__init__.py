"""The words and rules of calendars, free of any framework, clock or setting.

One word per thing:

* *user*: a person with a login, an IANA time zone and working hours.
* *connection*: one account at one provider.
* *calendar*: one calendar inside a connection.
* *event*: one single event, series master or override, as the provider has it.
* *occurrence*: one concrete time span of an event, half-open ``[start, end)``.
* *meeting*: occurrences on several calendars that are the same meeting; it counts once.
* *conflict*: two meetings of one user that get in each other's way.
* *rule*: working hours, overrides, days off, buffers, notice, horizon.
* *slot*: a bookable start with its end.
* *client*: whom the hours belong to.
* *cursor*: the place in a provider's stream of changes up to which we have read.
"""
