"""What holds for every test: Hypothesis judges results, not how quick the machine is."""

from hypothesis import HealthCheck, settings

settings.register_profile("aurora", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aurora")
