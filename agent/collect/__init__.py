"""Collecting: polls feeds when they are due, decides what is new, delivers it.

collector.py ─ schedule.py, queues.py ─▶ poll.py (agent.fetch, agent.parse) ─▶ decide.py ─▶ desk.py ─▶ Sink
"""
