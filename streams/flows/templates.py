"""The message of a send: which text, in which language, with which values."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from streams.flows.definition import SendTexts, Templates, TemplateText
from streams.flows.locked_liquid import ROOTS, TemplateError, paths_of, say
from streams.flows.model import ANY_LANGUAGE

__all__ = ["Rendered", "TemplateError", "choose", "render", "variables_of", "variables_of_send"]


class Rendered(msgspec.Struct, frozen=True):
    """A message, ready for a channel."""

    text: str
    subject: str | None
    language: str
    """The one chosen; `*` for a text in no particular language."""


def variables_of(source: str) -> tuple[str, ...] | None:
    """The dotted paths that a template names, sorted; None if a name is known only at run time.

    `TemplateError` if it is not liquid.
    """
    return _together([source])


def variables_of_send(
    languages: Mapping[str, TemplateText], send: SendTexts | None
) -> tuple[str, ...] | None:
    """What the message of a send can need, in any language; None if it cannot be told."""
    send = send or SendTexts()
    texts = [part for each in languages.values() for part in (each.text, each.subject) if part is not None]
    named = _together([*texts, *(send.subject or {}).values()])
    needed = _together(send.vars.values())
    if named is None or needed is None:
        return None
    laid_over = {f"vars.{name}" for name in send.vars}
    return tuple(sorted({path for path in named if path not in laid_over} | set(needed)))


def _together(sources: Iterable[str]) -> tuple[str, ...] | None:
    """Dotted paths of all these texts."""
    found: set[str] = set()
    for source in sources:
        paths = paths_of(source)
        if paths is None:
            return None
        found |= paths
    return tuple(sorted(found))


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
    `fallback_language` (the workspace's), any (`*`). Keys of `variables` are dotted: contact.name,
    event.total. `send` is what the step lays over the template: `sends_of(flow)[step]`.
    """
    if name not in templates:
        raise TemplateError(f"the template {name} is not in the flow's definition")
    chosen = choose(templates[name], language, fallback_language)
    if chosen is None:
        tried = f"{language}, {fallback_language}" if fallback_language else language
        raise TemplateError(f"the template {name} has no text in {tried} or for any language")
    text = templates[name][chosen]
    send = send or SendTexts()
    values = _tree(variables)
    if send.vars:
        own = {key: say(source, values, f"{name}, variable {key}") for key, source in send.vars.items()}
        values["vars"] = {**values["vars"], **own}
    subjects = send.subject or {}
    picked = choose(subjects, language, fallback_language)
    subject = text.subject if picked is None else subjects[picked]
    return Rendered(
        text=say(text.text, values, f"{name} in {chosen}"),
        subject=None if subject is None else " ".join(say(subject, values, f"{name}, subject").split()),
        language=chosen,
    )


def choose(languages: Mapping[str, Any], language: str, fallback: str | None) -> str | None:
    """The first that there is: the language, its stem, the fallback, its stem, any."""
    wanted = (
        language,
        language.split("-", maxsplit=1)[0],
        fallback,
        (fallback or "").split("-")[0],
        ANY_LANGUAGE,
    )
    return next((each for each in wanted if each in languages), None)


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
