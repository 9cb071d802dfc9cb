"""People and their accounts: registering, signing in, and connecting calendars.

Use cases between the doors and the store. They are given values, the store, the providers and a
clock; they know no web framework and no settings.
"""
