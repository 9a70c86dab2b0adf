"""``python -m napari_m2n2v2.cli``, and the installed command."""

import sys

__all__ = ["run"]


def run() -> int:
    """Run the command line, and end quietly if it is interrupted before it has begun."""
    try:
        from napari_m2n2v2.cli.main import main

        return main()
    except KeyboardInterrupt:
        sys.stderr.write("napari-m2n2v2: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(run())
