"""Every way of placing a design that can be compared, each a small function.

``@method("name")`` makes a function one: it takes a :class:`Task` and returns a placement or an :class:`Answer`. The
functions import what they need when they are called, so that the list of methods costs nothing.
``docs/benchmarking.md`` shows how to add one's own.
"""

from eval.methods.registry import (
    Answer,
    Choice,
    Method,
    NotApplicableError,
    Task,
    find,
    method,
    methods,
    parse_choices,
)

__all__ = ["Answer", "Choice", "Method", "NotApplicableError", "Task", "find", "method", "methods", "parse_choices"]
