"""The `brise` command."""


def main() -> None:
    """Entry point."""
