"""Message templates: liquid, locked down. Rendering is pure but for a `date` of `now`, and bounded.

No template reads another one or a file. Loops, output, locals and the work of filters are limited, so that
the worst template costs a second or two, not the process. A value that is missing is an error unless the
template states what to say instead (`{{ contact.name | default: "cliente" }}`) or only asks for it
(`{% if … %}`): half a message is worse than none.
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any

import msgspec
from liquid import Environment
from liquid.exceptions import LiquidError
from liquid.static_analysis import Segments
from liquid.template import BoundTemplate
from liquid.undefined import FalsyStrictUndefined

from schemas.errors import AttesaError
from streams.flows.definition import SendTexts, Templates, TemplateText
from streams.flows.model import ANY_LANGUAGE

__all__ = [
    "ROOTS",
    "Rendered",
    "TemplateError",
    "globals_of",
    "render",
    "variables_of",
    "variables_of_send",
]

ROOTS = ("contact", "event", "vars", "conversation", "business")
"""What a template sees."""

MAX_SOURCE = 64_000
MAX_OUTPUT = 65_536
MAX_LOOPS = 500
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
    """A template cannot be read, or not be rendered with these values; the text says which and why."""


class Rendered(msgspec.Struct, frozen=True):
    """A message, ready for a channel."""

    text: str
    subject: str | None
    language: str
    """The one chosen; `*` for a text in no particular language."""


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
def _parsed(source: str) -> BoundTemplate:
    """Each text is parsed once; `TemplateError` if it is not liquid."""
    if len(source) > MAX_SOURCE:
        raise TemplateError(f"a template may have {MAX_SOURCE:,} characters, this one has {len(source):,}")
    try:
        return _environment.from_string(source)
    except TemplateError:
        raise
    except Exception as error:  # noqa: BLE001 - the parser is not ours: no text may bring it down
        raise TemplateError(_reason(error)) from None


def _reason(error: Exception) -> str:
    """One line without the parser's picture of the source."""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]


def variables_of(source: str) -> tuple[str, ...] | None:
    """The dotted paths that a template names, sorted; None if a name is known only at run time.

    `TemplateError` if it is not liquid.
    """
    return _paths([source])


def globals_of(source: str) -> tuple[str, ...]:
    """The first parts of the paths that a template names and does not assign itself, sorted."""
    return tuple(sorted(_parsed(source).analyze().globals))


def variables_of_send(
    languages: Mapping[str, TemplateText], send: SendTexts | None
) -> tuple[str, ...] | None:
    """What the message of a send can need, in any language; None if it cannot be told."""
    send = send or SendTexts()
    texts = [part for each in languages.values() for part in (each.text, each.subject) if part is not None]
    named = _paths([*texts, *(send.subject or {}).values()])
    needed = _paths(send.vars.values())
    if named is None or needed is None:
        return None
    laid_over = {f"vars.{name}" for name in send.vars}
    return tuple(sorted({path for path in named if path not in laid_over} | set(needed)))


def _paths(sources: Iterable[str]) -> tuple[str, ...] | None:
    """Dotted paths of all these texts together."""
    found: set[str] = set()
    for source in sources:
        for name, uses in _parsed(source).analyze().globals.items():
            if name not in ROOTS:
                continue
            for use in uses:
                path = _path(use.segments)
                if path is None:
                    return None
                found.update(path)
    return tuple(sorted(found))


def _path(segments: Segments) -> tuple[str, ...] | None:
    """`event.tags[0]` needs event.tags; `event.tags.size` may be a property of its own or a length: both."""
    names: list[str] = []
    for segment in segments:
        if isinstance(segment, list):
            return None
        if isinstance(segment, int):
            break
        names.append(segment)
    if len(names) < 2:
        return None
    path = ".".join(names)
    if names[-1] in {"size", "first", "last"} and len(names) > 2:
        return path, ".".join(names[:-1])
    return (path,)


def render(
    templates: Templates,
    name: str,
    language: str,
    variables: Mapping[str, Any],
    *,
    fallback_language: str | None = None,
    send: SendTexts | None = None,
) -> Rendered:
    """The message of a send; `TemplateError` if no language will do, or a value is missing.

    The language is the first that the template has of: `language`, its stem (pt of pt-BR), the
    `fallback_language` (the workspace's), any (`*`). Keys of `variables` are dotted: contact.name, event.total.
    `send` is what the step lays over the template: `sends_of(flow)[step]`.
    """
    if name not in templates:
        raise TemplateError(f"the template {name} is not in the flow's definition")
    chosen = _choose(templates[name], language, fallback_language)
    if chosen is None:
        tried = f"{language}, {fallback_language}" if fallback_language else language
        raise TemplateError(f"the template {name} has no text in {tried} or for any language")
    text = templates[name][chosen]
    send = send or SendTexts()
    values = _tree(variables)
    if send.vars:
        own = {key: _said(source, values, f"{name}, variable {key}") for key, source in send.vars.items()}
        values["vars"] = {**values["vars"], **own}
    subjects = send.subject or {}
    picked = _choose(subjects, language, fallback_language)
    subject = text.subject if picked is None else subjects[picked]
    return Rendered(
        text=_said(text.text, values, f"{name} in {chosen}"),
        subject=None if subject is None else " ".join(_said(subject, values, f"{name}, subject").split()),
        language=chosen,
    )


def _choose(languages: Mapping[str, Any], language: str, fallback: str | None) -> str | None:
    wanted = (
        language,
        language.split("-", maxsplit=1)[0],
        fallback,
        (fallback or "").split("-")[0],
        ANY_LANGUAGE,
    )
    return next((each for each in wanted if each in languages), None)


def _said(source: str, values: Mapping[str, Any], where: str) -> str:
    """The text with its values."""
    _work.set([MAX_WORK])
    try:
        return _parsed(source).render(**values)
    except (LiquidError, TemplateError) as error:
        raise TemplateError(f"the template {where} cannot be rendered: {_reason(error)}") from None
    except Exception as error:  # noqa: BLE001 - filters are not ours: it is about this template
        raise TemplateError(f"the template {where} cannot be rendered: {type(error).__name__}") from None


def _tree(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as mappings within mappings. Of `a` and `a.b` the second is seen."""
    tree: dict[str, Any] = {root: {} for root in ROOTS}
    for key, value in sorted(variables.items()):
        *branches, leaf = key.split(".")
        at = tree
        for branch in branches:
            inner = at.get(branch)
            if not isinstance(inner, dict):
                inner = at[branch] = {}
            at = inner
        at[leaf] = value
    return tree
