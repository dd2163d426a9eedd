"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.integration.services"]

# Correctness never depends on time: a loaded machine must not fail a property. The gate tries the same examples each
# time, so that it stops nobody by chance; everywhere else they are new ones.
settings.register_profile(
    "rasad",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("rasad")

# A developer's own settings must not reach the tests.
for _name in [name for name in os.environ if name.startswith("RASAD_")]:
    del os.environ[_name]
