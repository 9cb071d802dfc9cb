"""What only a process itself can measure: counted in memory, added up in Redis, read at a scrape.

Any number of processes on any number of machines add to the same numbers, and none of them needs
a port or a folder that it shares with others (docs/decisions/0022-metrics.md).
"""
