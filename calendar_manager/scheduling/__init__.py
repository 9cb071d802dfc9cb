"""The read path: what lies ahead, when there is time, and what gets in each other's way."""
