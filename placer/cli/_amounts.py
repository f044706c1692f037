"""Amounts as people write them: memory (``8G``) and seeds (``5``, ``0,3,7``)."""

from __future__ import annotations

import re

import typer

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_MEMORY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)


def parse_memory(text: str) -> int:
    """Bytes in ``8G``, ``512M`` or ``2GiB``; units are powers of 1024.

    Raises:
        typer.BadParameter: it is none, or not at least a mebibyte.
    """
    match = _MEMORY.fullmatch(text.strip())
    size = int(float(match[1]) * _UNITS[match[2].lower()]) if match else 0
    if size < 2**20:
        raise typer.BadParameter(f"{text!r} is not an amount of memory; write 8G or 512M")
    return size


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds in ``5`` (the first five, from 0) or ``0,3,7``.

    Raises:
        typer.BadParameter: it is neither.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdigit() for word in words):
        raise typer.BadParameter(f"{text!r} are no seeds; write how many, or 0,3,7")
    numbers = tuple(map(int, words))
    if "," not in text:
        numbers = tuple(range(numbers[0]))
    if not numbers or len(set(numbers)) != len(numbers) or len(numbers) > 10_000:
        raise typer.BadParameter(f"{text!r} must name seeds, each once")
    return numbers
