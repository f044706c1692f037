"""A policy that plans the temperatures of the exact search by what is known of the run."""

from policies.schedule.model import SHIPPED, LearnedPlanner, ScheduleModel, load_schedule, save_schedule

__all__ = ["SHIPPED", "LearnedPlanner", "ScheduleModel", "load_schedule", "save_schedule"]
