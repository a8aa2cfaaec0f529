"""The entry points. Only the program itself loads its parts: `aurora ps` needs none of them."""

import sys

from aurora_desktop.cli import main as cli
from aurora_desktop.cli.call import RunOptions
from aurora_desktop.core.lean import load_msgspec


def main() -> int:
    """`aurora`: the command."""
    return cli.main(run=run)


def desktop() -> int:
    """`aurora-desktop`: the program itself, as an icon in the menu starts it."""
    return cli.main(["run", *sys.argv[1:]], run=run)


def run(options: RunOptions) -> int:
    """Run the program until it is asked to quit; the exit code. Raises AuroraError when it cannot start."""
    load_msgspec()
    from aurora_desktop import start

    return start.run(options)


if __name__ == "__main__":
    sys.exit(main())
