"""A dispatch, and what two outlets have made of it."""

from __future__ import annotations


def made_up_words(count: int) -> list[str]:
    """Words without a digit: texts of the same words and other numbers are bulletins."""
    letters = "abcdefghijklmnopqrst"
    return [f"{letters[n % 20]}{letters[n // 20]}{letters[n * 7 % 20]}orama" for n in range(count)]


def dispatch() -> tuple[str, str, str]:
    """Two texts that share too little to be copies of one another, and the one that both are taken from."""
    words = [f"{name} of the dispatch;" for name in made_up_words(60)]
    return " ".join(words[:37]), " ".join(words[23:]), " ".join(words)
