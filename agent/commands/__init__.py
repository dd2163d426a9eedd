"""One module a command, imported only when the command is called (`agent/cli.py` has the table)."""
