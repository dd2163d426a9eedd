"""The feeds that a user lists: what one is (`definitions.py`), reading, writing and exchanging the lists."""
