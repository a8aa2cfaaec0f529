"""The local HTTP door: loopback only, token in a file, Host and Origin checked."""
