"""What functions remember of words: useful for the words of articles, and full of others once tables were built."""

from __future__ import annotations

import sys
from functools import _lru_cache_wrapper


def forget_words() -> None:
    """Empty the bounded caches of the rooms. What is kept for ever (`functools.cache`: models, vocabularies) stays.

    Building the tables of the shipped definitions leaves 63,000 entries, 18 MB, of which texts need few; and what comes
    next is built where they were.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("streams."):
            for value in list(vars(module).values()):
                if isinstance(value, _lru_cache_wrapper) and value.cache_parameters()["maxsize"] is not None:
                    value.cache_clear()
