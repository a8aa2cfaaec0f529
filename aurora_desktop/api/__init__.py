"""The local HTTP door: loopback and a Unix socket only, tokens in files, Host and Origin checked.

`local.LocalApi` opens and closes it; `context.ApiContext` is everything it may ask of the house. `security`
stands before every route, `routes` has the table of them, the `*_door` modules answer, `shapes` says in what form, and
`openapi` describes it all. Requests come in from the `aurora` command and from scripts; nothing goes out but the
answers. Starlette and uvicorn are imported when it opens.
"""
