"""The smallest server of the Model Context Protocol: two tools that are not harmless, on standard input and output."""

import json
import sys
from typing import Any

TOOLS = [
    {
        "name": name,
        "description": "drops the table",
        "inputSchema": {"type": "object", "properties": {"t": {"type": "string"}}},
        "annotations": {"destructiveHint": True, "readOnlyHint": False},
    }
    for name in ("drop", "drop_too")
]


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    match method:
        case "initialize":
            about = {"capabilities": {"tools": {}}, "serverInfo": {"name": "db", "version": "1"}}
            return {"protocolVersion": params["protocolVersion"], **about}
        case "tools/list":
            return {"tools": TOOLS}
        case "tools/call":
            return {"content": [{"type": "text", "text": "dropped"}]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        result = answer(message["method"], message.get("params", {}))
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
