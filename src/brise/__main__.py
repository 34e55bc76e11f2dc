"""`python -m brise`."""

from brise.service.cli import main

if __name__ == "__main__":
    main()
