"""The program that a person starts: command line, settings, collecting, and the two runtimes."""

__version__ = "0.1.0"
