"""Loops of the agents SDK against one base URL; prints what came of each as JSON.

.cache/agents/bin/python -m tests.suites.agents_loop BASE_URL
"""

import asyncio
import json
import sys
from typing import Any

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

CALM = "Please tell me how the weather is in these towns of Norway, one after the other."
PARALLEL = '!tools weather {"city": "Oslo"} weather {"city": "Hamar"}\n!tool weather {"city": "Bergen"}'
HANDOFF = "!tool transfer_to_translator {}"


@function_tool
def weather(city: str) -> str:
    """The weather of a town."""
    return f"rain in {city}"


def agents(client: AsyncOpenAI, model: Any) -> Any:
    """An agent with a tool, one that is made to use it, and one that may hand over to another."""
    asked = model("gpt-4o", client)
    translator = Agent(name="Translator", instructions="Translate.", model=asked)
    return {
        "tools": Agent(name="Forecaster", instructions="Use the tool.", tools=[weather], model=asked),
        "forced": Agent(
            name="Forced",
            instructions="Use the tool.",
            tools=[weather],
            model=asked,
            model_settings=ModelSettings(tool_choice="required", parallel_tool_calls=False),
        ),
        "handoff": Agent(name="Clerk", instructions="Hand over.", handoffs=[translator], model=asked),
    }


def told(item: Any) -> Any:
    """An item of a run without the names that the model server made for it."""
    raw = item.raw_item if isinstance(item.raw_item, dict) else item.raw_item.model_dump()
    made = ("id", "call_id", "response_id", "provider_data")
    return [type(item).__name__, {name: value for name, value in raw.items() if name not in made}]


async def ran(agent: Any, says: str, *, streamed: bool) -> Any:
    """What a run came to: its answer, its items, and of a streamed one the kinds of its events."""
    if not streamed:
        run = await Runner.run(agent, says)
        return [run.last_agent.name, run.final_output, [told(item) for item in run.new_items]]
    stream = Runner.run_streamed(agent, says)
    events = [
        f"{event.type} {getattr(getattr(event, 'data', None), 'type', '')}" async for event in stream.stream_events()
    ]
    return [stream.last_agent.name, stream.final_output, [told(item) for item in stream.new_items], events]


async def main(base_url: str) -> None:
    """Runs every agent over both endpoints, whole and streamed."""
    set_tracing_disabled(True)
    found = {}
    async with AsyncOpenAI(base_url=base_url, api_key="sk-any", max_retries=0) as client:
        for model in (OpenAIChatCompletionsModel, OpenAIResponsesModel):
            for name, agent in agents(client, model).items():
                says = f"{CALM}\n{HANDOFF if name == 'handoff' else PARALLEL}"
                for streamed in (False, True):
                    key = f"{model.__name__} {name} {'streamed' if streamed else 'whole'}"
                    found[key] = await ran(agent, says, streamed=streamed)
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
