"""Queries. They take and return domain values, never commit, and always name their user.

The methods that serve the whole installation instead of one user, such as finding what is due,
say so in their docstrings.
"""
