"""Verilog files to module declarations: reading, syntax errors with file and line, which module is the top."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyslang import DiagnosticEngine, SourceManager
from pyslang.parsing import Token
from pyslang.syntax import SyntaxKind, SyntaxTree

from netlists.errors import NetlistError
from netlists.formats.textio import read_bytes

#: Names listed in one message.
LISTED = 10


class UnknownTopError(NetlistError):
    """No module has the name of the top."""


@dataclass(frozen=True, eq=False)
class Source:
    """The modules of some files.

    Attributes:
        modules: name -> module declaration (pyslang syntax).
        manager: pyslang's record of where text came from.
        trees: the syntax trees, which own the declarations.
        paths: the files.
        files: pyslang's number of a file -> its name as the user wrote it.
    """

    modules: dict[str, Any]
    manager: SourceManager
    trees: tuple[SyntaxTree, ...]
    paths: tuple[Path, ...]
    files: dict[int, str]

    def error(self, message: str, at: Any, **details: object) -> NetlistError:  # noqa: ANN401 - syntax node or token
        """A :class:`NetlistError` that points at a syntax node or token."""
        file, line = self.where(at)
        return NetlistError(message, file=file, line=line, **details)  # type: ignore[arg-type]

    def where(self, at: Any) -> tuple[str, int]:  # noqa: ANN401 - syntax node or token
        """File and line of a syntax node or token."""
        location = (at if isinstance(at, Token) else at.getFirstToken()).location
        return _file(self.manager, location, self.files), self.manager.getLineNumber(location)


def parse(paths: Sequence[str | Path]) -> Source:
    """Parse Verilog files, plain or gzip.

    Raises:
        NetlistError: a file cannot be read, has a syntax error, or two files define one module; with file and line.
    """
    manager = SourceManager()
    modules: dict[str, Any] = {}
    trees: list[SyntaxTree] = []
    files: dict[int, str] = {}
    source = Source(modules, manager, (), tuple(Path(path) for path in paths), files)
    for path in source.paths:
        text = read_bytes(path).decode("utf-8", errors="replace")
        if any(path.resolve() == Path(known).resolve() for known in files.values()):
            raise NetlistError("this file is given twice", file=path)
        tree = SyntaxTree.fromText(text, manager, str(path), str(path))
        trees.append(tree)
        root: Any = tree.root
        files[root.getLastToken().location.buffer.id] = str(path)
        _check(tree, files)
        members = root.members if root.kind == SyntaxKind.CompilationUnit else [root]
        for member in members:
            if member.kind != SyntaxKind.ModuleDeclaration:
                continue
            name = member.header.name.valueText
            if name in modules:
                first, line = source.where(modules[name].header.name)
                raise source.error(
                    f"module {name!r} is defined twice", member.header.name, expected=f"once, at {first}:{line}"
                )
            modules[name] = member
    if not modules:
        raise NetlistError("no module in this Verilog", file=source.paths[0] if source.paths else None)
    return Source(modules, manager, tuple(trees), source.paths, files)


def _file(manager: SourceManager, location: Any, files: dict[int, str]) -> str:  # noqa: ANN401 - pyslang location
    buffer = location.buffer
    return files.get(buffer.id) or manager.getRawFileName(buffer)  # an included file has no name of the user's


def _check(tree: SyntaxTree, files: dict[int, str]) -> None:
    errors = [d for d in tree.diagnostics if d.isError()]
    if not errors:
        return
    first = errors[0]
    message = DiagnosticEngine(tree.sourceManager).formatMessage(first)
    more = f" ({len(errors)} errors in all)" if len(errors) > 1 else ""
    location = first.location
    raise NetlistError(
        f"not Verilog: {message}{more}",
        file=_file(tree.sourceManager, location, files),
        line=tree.sourceManager.getLineNumber(location),
    )


def choose_top(source: Source, top: str | None, leaves: Collection[str]) -> str:
    """Name of the top module: the one asked for, or the only one that no other instantiates.

    Args:
        source: the parsed files.
        top: the module asked for, or None.
        leaves: library cells; their simulation models are no tops.

    Raises:
        NetlistError: there is no such module (the nearest names are given), or several or none are tops.
    """
    if top is not None:
        if top in source.modules:
            return top
        near = difflib.get_close_matches(top, source.modules, n=3, cutoff=0.4)
        raise UnknownTopError(
            f"no module is called {top!r}", file=source.paths[0],
            expected="one of " + listed(near or list(source.modules)),
        )  # fmt: skip
    used = {instance.type.valueText for module in source.modules.values() for instance in instantiations(module)}
    tops = [name for name, module in source.modules.items() if name not in used and name not in leaves]
    tops = [name for name in tops if len(source.modules[name].members)] or tops
    if len(tops) == 1:
        return tops[0]
    if not tops:
        raise NetlistError("every module is instantiated by another, so none is the top", file=source.paths[0])
    raise NetlistError(
        "several modules could be the top", file=source.paths[0], found=None, expected="--top, one of " + listed(tops)
    )


def instantiations(module: Any) -> Iterable[Any]:  # noqa: ANN401 - pyslang syntax
    """The instantiation statements that stand directly in a module."""
    return (member for member in module.members if member.kind == SyntaxKind.HierarchyInstantiation)


def listed(names: Sequence[str], limit: int = LISTED) -> str:
    """Names for a message, the first few of many."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def nodes(separated: Any) -> list[Any]:  # noqa: ANN401 - pyslang syntax
    """The elements of a separated syntax list, without its commas."""
    return [item for item in separated if not isinstance(item, Token)]
