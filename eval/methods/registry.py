"""What a method is, and the one line that makes a function one."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.placement import Placement
from placer.budget import Budget, Progress

#: Modules whose functions are the methods of this package.
_MODULES = ("eval.methods.untrained", "eval.methods.engines", "eval.methods.peers", "eval.methods.outside")
_CHOICE = re.compile(r"(?P<name>[^\[\]]+?)\s*(?:\[(?P<options>[^\[\]]*)\])?")


class NotApplicableError(Exception):
    """A method cannot place a design of this kind; the message says why. This is no failure of the method."""


@dataclass(frozen=True, eq=False)
class Task:
    """One run: what a method is asked to do.

    Attributes:
        design: what to place; its placement says what is fixed and where everything is at first.
        seed: of every random choice.
        budget: the clock, running since the method was called, and the flag that ends the run early.
        time_limit: seconds, or None where ``iterations`` bound the run.
        iterations: steps in the method's own unit, or None where time bounds the run.
        cores: processor cores the run is pinned to.
        folder: an empty folder for files of its own; deleted afterwards.
        progress: tell it how far the run is; events with a cost make the curve of the run.
        options: what stood in brackets behind the method's name.
        flat: the design as it was read. It differs from ``design`` for LEF/DEF, whose cells are gathered in clusters
            there; the same where None.
    """

    design: Design
    seed: int
    budget: Budget
    time_limit: float | None
    iterations: int | None
    cores: int
    folder: Path
    progress: Progress
    options: Mapping[str, str] = field(default_factory=dict)
    flat: Design | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method hands back; a bare placement will do as well.

    Attributes:
        placement: the result.
        raw: the result before another program made it legal, or None. Both are scored.
        facts: figures of the run for the ledger (proposals, stages, ...); anything JSON can hold.
        curve_of: which figure of the score the costs of the progress events are.
        design: what the placement is of; ``Task.design`` where None.
        curve: (seconds, best cost), where the method told its progress nothing; replaces what it told.
    """

    placement: Placement
    raw: Placement | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    curve_of: str = "proxy_cost"
    design: Design | None = None
    curve: Sequence[tuple[float, float]] | None = None


def _nothing() -> None:
    return


def _no_reason(options: Mapping[str, str]) -> str | None:
    return None


def _no_identity(options: Mapping[str, str]) -> str:
    return ""


@dataclass(frozen=True, eq=False)
class Method:
    """A named method.

    Attributes:
        name: what users type.
        run: the function.
        about: one line.
        prepare: compiles or loads what the function needs, once, before any run and outside every clock. It must leave
            no thread behind.
        missing: why the method cannot run on this machine with these options, or None.
        identity: what besides the placer's own code decides its results: a version, the digest of a program or a file
            that the options name.
        deterministic: the seed makes no difference, so one run is enough.
        options: names of the options it has; None where anything may stand in the brackets.
    """

    name: str
    run: Callable[[Task], Answer | Placement]
    about: str = ""
    prepare: Callable[[], None] = _nothing
    missing: Callable[[Mapping[str, str]], str | None] = _no_reason
    identity: Callable[[Mapping[str, str]], str] = _no_identity
    deterministic: bool = False
    options: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Choice:
    """A method with options, as a user wrote it.

    Attributes:
        name: a registered name, or ``FILE.py:FUNCTION``.
        options: sorted pairs.
    """

    name: str
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        inside = ",".join(f"{key}={value}" for key, value in self.options)
        return f"{self.name}[{inside}]" if inside else self.name

    @property
    def label(self) -> str:
        """What tables call it: of a method from a file only the function's name."""
        return str(Choice(self.name.rpartition(":")[2], self.options))


_METHODS: dict[str, Method] = {}


def method(
    name: str,
    *,
    about: str = "",
    prepare: Callable[[], None] = _nothing,
    missing: Callable[[Mapping[str, str]], str | None] = _no_reason,
    identity: Callable[[Mapping[str, str]], str] = _no_identity,
    deterministic: bool = False,
    options: Sequence[str] | None = None,
) -> Callable[[Callable[[Task], Answer | Placement]], Callable[[Task], Answer | Placement]]:
    """Make a function a method: ``@method("mine")``; the arguments are those of :class:`Method`."""

    def register(run: Callable[[Task], Answer | Placement]) -> Callable[[Task], Answer | Placement]:
        words = about or (run.__doc__ or "").strip().partition("\n")[0]
        known = None if options is None else tuple(options)
        _METHODS[name] = Method(name, run, words, prepare, missing, identity, deterministic, known)
        return run

    return register


def methods() -> dict[str, Method]:
    """The methods of this package by name, in the order tables list them."""
    for module in _MODULES:
        importlib.import_module(module)
    return dict(_METHODS)


def parse_choices(text: str) -> list[Choice]:
    """Methods from ``a,b[option=value],file.py:function``.

    Raises:
        NetlistError: that is not what the text looks like, or a method is named twice.
    """
    found: list[Choice] = []
    for word in re.split(r",(?![^\[]*\])", text):
        match = _CHOICE.fullmatch(word.strip())
        if match is None:
            raise NetlistError("this is no list of methods", found=word.strip(), expected="name or name[option=value]")
        pairs = [pair.partition("=") for pair in (match["options"] or "").split(",") if pair.strip()]
        if any(not sign or not key.strip() for key, sign, _ in pairs):
            raise NetlistError("options are written option=value", found=match["options"])
        choice = Choice(match["name"], tuple(sorted((key.strip(), value.strip()) for key, _, value in pairs)))
        if choice in found:
            raise NetlistError("a method is named twice", found=str(choice))
        found.append(choice)
    return found


def find(choice: Choice | str) -> Method:
    """The method of a choice, from a user's file where it names one.

    Raises:
        NetlistError: there is none of that name, it has no such option, or the file cannot be used.
    """
    name = choice if isinstance(choice, str) else choice.name
    found = _find(name)
    if found.options is not None and isinstance(choice, Choice):
        for key, _ in choice.options:  # a misspelt one must not pass for the default
            if key not in found.options:
                near = difflib.get_close_matches(key, found.options, 1, 0.5)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                expected = ", ".join(found.options) or "none"
                raise NetlistError(f"{name} has no such option{hint}", found=key, expected=expected)
    return found


def _find(name: str) -> Method:
    file, colon, function = name.rpartition(":")
    if colon:
        return _from_file(Path(file).expanduser(), function)
    known = methods()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise NetlistError(
            f"no method is called that{hint}", found=name, expected=", ".join(known) + ", or FILE.py:FUNCTION"
        )
    return known[name]


def _from_file(file: Path, function: str) -> Method:
    """A function of a user's file, decorated or not. The file's content is part of what decides the results."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise NetlistError(f"cannot read: {error.strerror or error}", file=file) from None
    digest = hashlib.sha256(content).hexdigest()[:12]
    alias = f"placer_method_{digest}"
    before = dict(_METHODS)
    module = sys.modules.get(alias)
    if module is None:
        spec = importlib.util.spec_from_file_location(alias, file.resolve())
        if spec is None or spec.loader is None:
            raise NetlistError("this is no Python file", file=file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[alias] = module  # dataclasses and pickling look it up there
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[alias]
            raise NetlistError(f"the file of this method fails: {type(error).__name__}: {error}", file=file) from error
    run = getattr(module, function, None)
    own = [found for name, found in _METHODS.items() if before.get(name) is not found]
    # Names of the file stay its own: a method of the package must not be replaced for everybody.
    _METHODS.clear()
    _METHODS.update(before)
    known: dict[str, Method] = module.__dict__.setdefault("__placer_methods__", {found.name: found for found in own})
    decorated = next((found for found in known.values() if found.run is run or found.name == function), None)
    if decorated is None and not callable(run):
        raise NetlistError("the file has no function of this name", file=file, found=function)
    base = decorated or Method(function, run, (getattr(run, "__doc__", "") or "").strip().partition("\n")[0])  # type: ignore[arg-type]

    def identity(options: Mapping[str, str]) -> str:
        return f"{file.name} {digest} {base.identity(options)}".strip()

    return Method(
        f"{file}:{function}", base.run, base.about, base.prepare, base.missing, identity, base.deterministic,
        base.options,
    )  # fmt: skip


def number(task: Task, key: str, default: float) -> float:
    """A numeric option.

    Raises:
        NetlistError: it is none.
    """
    try:
        return float(task.options.get(key, default))
    except ValueError:
        raise NetlistError(f"the option {key} must be a number", found=task.options[key]) from None
