"""The local door, served by the real uvicorn and asked by real sockets."""
