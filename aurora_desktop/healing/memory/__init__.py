"""The failure memory: every failure, what was tried and how it ended, and one query over all of it.

`store` takes what happens and answers; beneath it `schema`, `writing` and `reading` are its tables, what goes in and
what comes out. Pure are `signature` (what varies in a message is folded out), `question` (words into a query),
`answers` (a find in words), `statistics` and `importing` (what the logs of earlier systems tell).
"""
