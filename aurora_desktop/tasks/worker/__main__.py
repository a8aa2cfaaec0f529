"""`python -P -m aurora_desktop.tasks.worker NAME SOCKET TOKENFILE`: one worker, until it is asked to end."""

import sys


def main(arguments: list[str]) -> int:
    """The exit code: 0 when asked to end, 2 for wrong arguments, 75 (EX_TEMPFAIL) when its name is taken."""
    if len(arguments) != 3:
        sys.stderr.write("usage: python -P -m aurora_desktop.tasks.worker NAME SOCKET TOKENFILE\n")
        return 2
    from aurora_desktop.tasks.worker.lock import NameTakenError, hold_name
    from aurora_desktop.tasks.worker.program import Worker

    name, address, token_file = arguments
    try:
        with hold_name(name, token_file):
            Worker(name, address, token_file).run()
    except NameTakenError as error:
        sys.stderr.write(f"{error}\n")
        return 75
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
