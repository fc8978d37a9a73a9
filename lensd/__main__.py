"""`python -m lensd`: the command line."""

from lensd.cli import main

if __name__ == "__main__":
    main()
