"""What Aurora keeps on disk: databases with checksums, the journal of events, the JSONL logs and their rotation.

Events come in through `Journal.append` on the loop's thread; one writer thread per database does the disk work.
Data goes out through `Journal.since` and `recent`, and as the files of the state dir. The functions of
`rotation` block: call them in a thread.
"""
