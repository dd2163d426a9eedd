"""`python -m agent` is `rasad`."""

from agent.cli import main

if __name__ == "__main__":
    main()
