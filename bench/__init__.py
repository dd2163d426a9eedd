"""Benchmarks. Each module has `run() -> dict`: figures as ratios against a baseline in the same run where there is
one."""
