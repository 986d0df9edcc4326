"""For all tests: a busy machine makes Hypothesis slow, and slow is not wrong."""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
