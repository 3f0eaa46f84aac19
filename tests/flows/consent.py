"""`consent` as a module that can be forked: `python -m tests.flows.consent COMMAND…`."""

from local.main import main

if __name__ == "__main__":
    main()
