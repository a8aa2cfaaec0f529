"""`aurora mcp`: a server of the Model Context Protocol on standard input and output, in a process of its own.

It is a client of the local API like the rest of the command, and holds nothing: each call finds the running Aurora
anew, by `api.json`, with the weakest token that opens the address. `serving` runs it, `tools` declares what agents can
call, `performing` asks Aurora and waits, `answers` puts into content what comes back, `schema` describes arguments.
The protocol's SDK costs 60 MB: it is imported here alone, and nothing of this room is imported by the program itself.
"""
