"""The members of a request that are about tools."""

TOOL_MEMBERS = ("tools", "tool_choice", "parallel_tool_calls", "web_search_options", "functions", "function_call")
