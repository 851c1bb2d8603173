"""Hosted tool `schedule_task`: keeps a note until it is due, and then tells a webhook."""

from plugins.scheduler.plugin import Scheduler

__all__ = ["Scheduler"]
