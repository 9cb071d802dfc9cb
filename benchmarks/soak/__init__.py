"""The soak: a real installation under change, faults and kills, then held against the truth.

``uv run python -m benchmarks.soak --minutes N --seed S``. `benchmarks.soak.trial` is the whole of
it in order; `docs/reliability.md` says what it proves.
"""
