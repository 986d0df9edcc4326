"""Run Reeldrop with `python -m reeldrop`."""

from reeldrop.cli import main

if __name__ == "__main__":
    main()
