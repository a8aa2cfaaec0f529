"""`aurora docs`: the page that describes the local API, in the browser.

A browser sends no token, and `/docs` asks for one: so the page is fetched here, and opened as a file.
"""

import os

from aurora_desktop.cli.call import OK, Call
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.atomic import replace_content

NAME = "api.html"


def docs(call: Call) -> int:
    """Fetch the page, keep it in the state folder, and open it, unless only its path is asked for."""
    page = call.client.text("/docs")
    path = StatePaths(call.state_dir).root / NAME
    replace_content(path, page.encode())
    call.console.line(os.fspath(path))
    if not call.given.path:
        import webbrowser

        webbrowser.open(path.as_uri())
    return OK
