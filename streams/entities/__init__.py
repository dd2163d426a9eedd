"""Which persons, organisations and places an article names, in any spelling and script."""

from streams.entities.recognizer import EntityRecognizer

__all__ = ["EntityRecognizer"]
