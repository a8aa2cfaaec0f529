"""The local HTTP door: loopback only, token in a file, Host and Origin checked.

`local.LocalApi` opens and closes it; `context.ApiContext` is everything it may ask of the house. `security`
stands before every route, `routes` answers, `shapes` says in what form. Requests come in from the `aurora`
command and from scripts; nothing goes out but the answers. Starlette and uvicorn are imported when it opens.
"""
