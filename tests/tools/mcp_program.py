"""An MCP server for tests: `mcp_program.py stdio` or `mcp_program.py http PORT`; its tools do what tests need."""

import os
import sys
import time

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

READS = ToolAnnotations(read_only_hint=True)
server = MCPServer("test")


@server.tool(annotations=READS)
def echo(text: str) -> str:
    """Say it again."""
    return text


@server.tool(annotations=READS)
def environment() -> list[str]:
    """Name the variables."""
    return sorted(os.environ)


@server.tool(annotations=READS)
def hang() -> str:
    """Take a minute."""
    time.sleep(60)
    return "at last"


@server.tool(annotations=READS)
def die() -> str:
    """End the process."""
    sys.stderr.write("no more of this\n")
    sys.stderr.flush()
    os._exit(3)


@server.tool(annotations=READS)
def fail() -> str:
    """Fail."""
    raise ToolError("it is broken")


@server.tool()
def unsaid() -> str:
    """Say nothing of what it does."""
    return "done"


@server.tool(annotations=ToolAnnotations(read_only_hint=False, destructive_hint=False))
def adds() -> str:
    """Add without harm."""
    return "added"


@server.tool(annotations=READS)
async def grow(ctx: Context) -> str:
    """Have one tool more."""

    @server.tool(annotations=READS)
    def grown() -> str:
        """Be new."""
        return "new"

    await ctx.notify_tools_changed()
    return "grown"


if __name__ == "__main__":
    if sys.argv[1] == "http":
        server.run("streamable-http", port=int(sys.argv[2]))
    else:
        server.run()
