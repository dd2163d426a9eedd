"""Copies and stories: what belongs together, decided online over a window of recent articles."""
