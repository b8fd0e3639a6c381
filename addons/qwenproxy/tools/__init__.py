"""Tools that the proxy runs for apps that have none: a registry, a policy, and an executor.

A file of one's own tools needs no more than this module:

    from qwenproxy.tools import ToolError, tool

    @tool(read_only=True)
    def stock(article: str) -> int: ...

What an exchange needs is in `toolbox` (`Toolbox.kit`, then `Kit.functions` and `Kit.run`) and `policy` (who may use
what).  Nothing in here knows of chats, rounds or streams.
"""

from qwenproxy.tools.functions import tool
from qwenproxy.tools.tool import ToolError

__all__ = ["ToolError", "tool"]
