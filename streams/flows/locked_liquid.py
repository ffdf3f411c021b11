"""Liquid, locked down: no template reads another one or a file, and none can do much work.

Loops, output, locals and the work of filters are limited, so that the worst template costs a second or two,
not the process. A value that is missing may be asked for (`{% if … %}`) and have its stand-in stated
(`{{ contact.name | default: "cliente" }}`); said as it is, it is an error: half a message is worse than none.
"""

import functools
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import msgspec
from liquid import Environment
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError, LiquidSyntaxError, ResourceLimitError, UndefinedError
from liquid.static_analysis import Segments
from liquid.template import BoundTemplate
from liquid.undefined import FalsyStrictUndefined

from schemas.errors import AttesaError

__all__ = ["ROOTS", "TemplateError", "Use", "bare_outputs", "paths_of", "say", "uses_of"]

ROOTS = ("contact", "event", "vars", "conversation", "business")
"""What a template sees."""

MAX_SOURCE = 64_000
MAX_OUTPUT = 65_536
MAX_LOOPS = 200
MAX_WORK = 50_000
"""Filter calls in one rendering, each counted with a hundredth of the characters that it makes."""
MAX_BITS = 256
"""Of a whole number: enough for any amount of money, too little to fill memory."""

_BARRED_TAGS = frozenset({"include", "render", "tablerow"})
_FILTERS = frozenset(
    {
        "abs",
        "append",
        "at_least",
        "at_most",
        "capitalize",
        "ceil",
        "compact",
        "concat",
        "date",
        "default",
        "divided_by",
        "downcase",
        "escape",
        "escape_once",
        "find",
        "find_index",
        "first",
        "floor",
        "has",
        "join",
        "last",
        "lstrip",
        "map",
        "minus",
        "modulo",
        "newline_to_br",
        "plus",
        "prepend",
        "reject",
        "remove",
        "remove_first",
        "remove_last",
        "replace",
        "replace_first",
        "replace_last",
        "reverse",
        "round",
        "rstrip",
        "size",
        "slice",
        "sort",
        "sort_natural",
        "split",
        "squish",
        "strip",
        "strip_html",
        "strip_newlines",
        "sum",
        "times",
        "truncate",
        "truncatewords",
        "uniq",
        "upcase",
        "url_decode",
        "url_encode",
        "where",
    }
)
_WIDTH = re.compile(r"%[^a-zA-Z%]*[0-9]")


class TemplateError(AttesaError):
    """A template cannot be read, or not be rendered with these values; the text says which and why.

    It names variables, never their values.
    """

    def __init__(self, text: str, line: int = 1, column: int = 1) -> None:
        """With the place in the template, both from 1."""
        super().__init__(text)
        self.line = line
        self.column = column


class _Missing(FalsyStrictUndefined):
    """A value that is not there: it may be asked for and defaulted, never said."""

    __slots__ = ()
    force_liquid_default = True


class _Locked(Environment):
    """Liquid without other templates, and with limits."""

    loop_iteration_limit = MAX_LOOPS
    output_stream_limit = MAX_OUTPUT
    local_namespace_limit = MAX_OUTPUT

    def __init__(self) -> None:
        super().__init__(undefined=_Missing, strict_filters=True, autoescape=False)
        self.tags = {name: tag for name, tag in self.tags.items() if name not in _BARRED_TAGS}
        self.filters = {name: _guarded(name, call) for name, call in self.filters.items() if name in _FILTERS}


_work: ContextVar[list[int]] = ContextVar("work")


def _guarded(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that counts its work and makes nothing huge."""

    @functools.wraps(call)
    def guarded(*arguments: Any, **named: Any) -> Any:
        for value in (*arguments, *named.values()):
            _bounded(value, name)
        if name == "replace" and len(arguments) > 1:
            subject, sought, put = (str(value) for value in (*arguments[:3], "")[:3])
            if subject.count(sought) * len(put) > MAX_OUTPUT:
                raise TemplateError(f"the filter replace makes more than {MAX_OUTPUT:,} characters")
        if name == "date" and len(arguments) > 1 and _WIDTH.search(str(arguments[1])):
            raise TemplateError("a date's format takes no widths")
        result = call(*arguments, **named)
        _bounded(result, name)
        left = _work.get()
        left[0] -= 1 + (len(result) // 100 if isinstance(result, str | list) else 0)
        if left[0] < 0:
            raise TemplateError("the template's filters do more work than a message can need")
        return result

    return guarded


def _bounded(value: Any, name: str) -> None:
    """Nothing that goes into or comes out of a filter is huge."""
    if isinstance(value, str | list | tuple | range) and len(value) > MAX_OUTPUT:
        raise TemplateError(f"the filter {name} handles more than {MAX_OUTPUT:,} characters or items")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise TemplateError(f"the filter {name} handles a number of more than {MAX_BITS} bits")


_environment = _Locked()


@functools.lru_cache(maxsize=4_096)
def parsed(source: str) -> BoundTemplate:
    """Each text is parsed once; `TemplateError` if it is not liquid or names a filter that there is not."""
    if len(source) > MAX_SOURCE:
        raise TemplateError(f"a template may have {MAX_SOURCE:,} characters, this one has {len(source):,}")
    try:
        template = _environment.from_string(source)
        filters = template.analyze().filters
    except Exception as error:  # noqa: BLE001 - the parser is not ours: no text may bring it down
        raise TemplateError(_reason(error), *_placed(error)) from None
    for name, spans in filters.items():
        if name not in _environment.filters:
            raise TemplateError(f"there is no filter '{name}'", *_place(source, spans[0].index))
    return template


def _placed(error: Exception) -> tuple[int, int]:
    """Where in the template the parser stumbled."""
    try:
        context = error.context() if isinstance(error, LiquidError) else None
    except ValueError:  # past the end
        context = None
    return (context[0], context[1] + 1) if context else (1, 1)


def _reason(error: Exception) -> str:
    """One line without the parser's picture of the source."""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]


def say(source: str, values: dict[str, Any], where: str) -> str:
    """The text with its values; `TemplateError` if it is not liquid, a value is missing or a limit is met."""
    _work.set([MAX_WORK])
    try:
        return parsed(source).render(**values)
    except (UndefinedError, LiquidSyntaxError, ResourceLimitError, TemplateError) as error:
        raise TemplateError(f"the template {where} cannot be rendered: {_reason(error)}") from None
    except Exception as error:  # noqa: BLE001 - filters are not ours, and their texts quote values
        raise TemplateError(f"the template {where} cannot be rendered: {type(error).__name__}") from None


class Use(msgspec.Struct, frozen=True):
    """A value that a template names and does not assign itself."""

    path: tuple[str, ...] | None
    """Its names; None where one is known only at run time."""
    root: str
    line: int
    column: int


@functools.lru_cache(maxsize=1_024)
def uses_of(source: str) -> tuple[Use, ...]:
    """Each use of a value that is not the template's own; `TemplateError` if it is not liquid."""
    return tuple(
        Use(_names(variable.segments), root, *_place(source, variable.span.index))
        for root, variables in parsed(source).analyze().globals.items()
        for variable in variables
    )


def _place(source: str, index: int) -> tuple[int, int]:
    """Line and column of a character, both from 1."""
    return source.count("\n", 0, index) + 1, index - source.rfind("\n", 0, index)


def _names(segments: Segments) -> tuple[str, ...] | None:
    """The names before the first number: of `event.tags[0]` event and tags."""
    names: list[str] = []
    for segment in segments:
        if isinstance(segment, list):
            return None
        if isinstance(segment, int):
            break
        names.append(segment)
    return tuple(names)


def bare_outputs(source: str) -> tuple[tuple[str, ...], ...]:
    """Values said as they are, outside any `if` and without a `default`, each once: missing, they stop the
    message.
    """
    return tuple(dict.fromkeys(_bare(source)))


def _bare(source: str) -> Iterator[tuple[str, ...]]:
    for node in parsed(source).nodes:
        said = node.expression if isinstance(node, OutputNode) else None
        if isinstance(said, FilteredExpression) and isinstance(said.left, Path):
            defaulted = any(each.name == "default" for each in said.filters or ())
            if not defaulted and all(isinstance(name, str) for name in said.left.path):
                yield tuple(str(name) for name in said.left.path)


def paths_of(source: str) -> frozenset[str] | None:
    """The dotted paths below `ROOTS` that a template needs; None if it cannot be told before it runs."""
    found: set[str] = set()
    for use in uses_of(source):
        if use.root in ROOTS:
            if use.path is None or len(use.path) < 2:
                return None
            found.add(".".join(use.path))
            if use.path[-1] in {"size", "first", "last"} and len(use.path) > 2:
                # A property of its own or what liquid makes of the one before: both.
                found.add(".".join(use.path[:-1]))
    return frozenset(found)
