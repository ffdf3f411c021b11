"""The definition: a flow or a workspace as canonical JSON, what the log keeps and what workers compile."""

import hashlib

import msgspec

from streams.flows.model import ANY_LANGUAGE, Flow, Sending, Step, Texts, Workspace
from streams.flows.walk import steps_of

__all__ = [
    "Definition",
    "SendTexts",
    "TemplateText",
    "Templates",
    "content_of",
    "definition",
    "read_definition",
    "read_workspace",
    "sends_of",
    "workspace_definition",
]


class TemplateText(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A template in one language: liquid."""

    text: str
    subject: str | None = None


Templates = dict[str, dict[str, TemplateText]]
"""Name (of a template, or of the step whose text stands in the flow) to language, or `*`, to its text."""


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A flow with every text that its sends need: nothing else is read to run it."""

    flow: Flow
    templates: Templates


class SendTexts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one send lays over its template."""

    subject: Texts | None = None
    vars: Texts = {}
    """Name to liquid: seen by the template as `vars.<name>`."""


def definition(flow: Flow, templates: Templates | None = None) -> str:
    """Canonical JSON: keys sorted, no spaces, defaults left out, only the templates that its sends name.

    Texts that stand in the flow are bundled under their step's id. A template that is not in `templates` is
    not in the definition; review finds it before anything is published.
    """
    bundle: Templates = {}
    for step in sending(flow.steps):
        if step.text is not None:
            bundle[step.id] = _inline(step.text, step.subject)
        elif step.template is not None and step.template in (templates or {}):
            bundle[step.template] = (templates or {})[step.template]
    return canonical(Definition(flow, bundle))


def _inline(text: Texts, subject: Texts | None) -> dict[str, TemplateText]:
    """A send's own text by language; a language without a subject takes the one for any."""
    subjects = subject or {}
    return {
        language: TemplateText(each, subjects.get(language, subjects.get(ANY_LANGUAGE)))
        for language, each in text.items()
    }


def sending(steps: tuple[Step, ...]) -> list[Sending]:
    """The sends among the steps and all that lie within them, in the file's order."""
    return [step for step in steps_of(steps) if isinstance(step, Sending)]


def sends_of(flow: Flow) -> dict[str, SendTexts]:
    """By step id: what sends lay over a template of their own name."""
    return {
        step.id: SendTexts(step.subject if step.template else None, step.vars)
        for step in sending(flow.steps)
        if step.vars or (step.template and step.subject)
    }


def workspace_definition(workspace: Workspace) -> str:
    """Canonical JSON of a workspace."""
    return canonical(workspace)


def canonical(value: Definition | Workspace) -> str:
    """The one way in which a definition is written."""
    return msgspec.json.encode(value, order="sorted").decode()


def content_of(text: str) -> str:
    """The content hash of a definition: SHA-256, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_definition(text: str) -> Definition:
    """A flow's definition; `msgspec.ValidationError` or `msgspec.DecodeError` if it is none."""
    return msgspec.json.decode(text, type=Definition)


def read_workspace(text: str) -> Workspace:
    """A workspace's definition; `msgspec.ValidationError` or `msgspec.DecodeError` if it is none."""
    return msgspec.json.decode(text, type=Workspace)
