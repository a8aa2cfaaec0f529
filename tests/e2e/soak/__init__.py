"""Everything at once, under faults: the world, what goes on in it, the blows, and what grows.

`tests/e2e/test_soak.py` has a short run of it, `benchmarks/soak.py` the hours.
"""
