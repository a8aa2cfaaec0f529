"""`aurora token`: show the tokens of the local API and put new ones in their place. Works on the files alone."""

from aurora_desktop.cli.call import OK, Call
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.tokens import SCOPES, load_tokens, rotate_token


def show_token(call: Call) -> int:
    """One token alone, for a script; or each behind the name of its scope."""
    tokens = load_tokens(StatePaths(call.state_dir))
    scope = call.given.scope
    if scope is not None:
        call.console.line(tokens[scope])
    else:
        for name, token in tokens.items():
            call.console.line(f"{name:<8} {token}")
    return OK


def rotate_tokens(call: Call) -> int:
    """A running Aurora takes the new ones, and refuses the old ones, from the next request on."""
    paths = StatePaths(call.state_dir)
    for scope in call.given.scopes or SCOPES:
        rotate_token(paths, scope)
        call.console.line(f"The token `{scope}` is new: {paths.tokens / scope}")
    return OK
