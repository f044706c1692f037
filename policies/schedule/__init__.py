"""A policy that controls the exact search: temperatures, reach and mix of moves, chosen by what is known of the run."""

from policies.schedule.model import SHIPPED, LearnedPlanner, ScheduleModel, load_schedule, save_schedule

__all__ = ["SHIPPED", "LearnedPlanner", "ScheduleModel", "load_schedule", "save_schedule"]
