"""An OpenAI-shaped server with deterministic answers, for demos, tests and benchmarks; never a model."""

from gateway.simulator.app import create_app
from gateway.simulator.server import run

__all__ = ["create_app", "run"]
