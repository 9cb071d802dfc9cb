"""The outside calendars, each behind the same protocol."""
