"""Checks of messages: templates, languages, variables, subjects."""

from collections.abc import Iterator

import msgspec

from streams.flows.definition import sending
from streams.flows.locked_liquid import ROOTS, TemplateError, bare_outputs, uses_of
from streams.flows.model import ANY_LANGUAGE, Sending
from streams.flows.review import Remark, Reviewed, check
from streams.flows.templates import choose
from streams.flows.walk import variables_of

__all__: list[str] = []


class Text(msgspec.Struct, frozen=True):
    """A piece of liquid that a send needs, and where it stands."""

    send: Sending
    field: str
    name: str
    """For messages: the template and language, or the field."""
    source: str
    file: str | None = None
    line: int = 1

    def remark(self, message: str, advice: str, line: int = 1, column: int = 1) -> Remark:
        """About this text: in its template's file at that line, or where it stands in the flow."""
        elsewhere = None if self.file is None else (self.file, self.line + line - 1, column)
        return Remark(self.send, self.field, message, advice, elsewhere)


def texts(reviewed: Reviewed) -> Iterator[Text]:
    """All liquid of a flow."""
    for send in sending(reviewed.flow.steps):
        for language, source in (send.text or {}).items():
            yield Text(send, "text", f"the text of {send.id} ({language})", source)
        for language, source in (send.subject or {}).items():
            yield Text(send, "subject", f"the subject of {send.id} ({language})", source)
        for name, source in send.vars.items():
            yield Text(send, "vars", f"the variable {name} of {send.id}", source)
        for language, each in reviewed.templates.by_name.get(send.template or "", {}).items():
            name = f"the template {send.template} ({language})"
            yield Text(send, "template", name, each.text, each.file, each.first_line)
            if each.subject is not None:
                yield Text(send, "template", f"{name}, subject", each.subject, each.file)


def readable(reviewed: Reviewed) -> Iterator[Text]:
    """Those that are liquid; the others are ATT102's."""
    for text in texts(reviewed):
        try:
            uses_of(text.source)
        except TemplateError:
            continue
        yield text


@check(
    "ATT101",
    "error",
    allowable=False,
    bad="steps: [{send: {channel: whatsapp, template: nowhere}}]",
    good="steps: [{send: {channel: whatsapp, template: ciao}}]",
)
def missing_template(reviewed: Reviewed) -> Iterator[Remark]:
    """A send names a template that does not stand beside the flow."""
    known = reviewed.templates.by_name
    for send in sending(reviewed.flow.steps):
        if send.template is not None and send.template not in known:
            there = ", ".join(sorted(known)) or "none"
            yield Remark(
                send,
                "template",
                f"there is no template {send.template} in {reviewed.templates.folder}",
                f"Write {reviewed.templates.folder}/{send.template}.liquid; there are: {there}",
            )


@check(
    "ATT102",
    "error",
    allowable=False,
    bad='steps: [{send: {channel: whatsapp, text: "Ciao {{ contact.name"}}]',
    good="steps: [{send: {channel: whatsapp, text: \"Ciao {{ contact.name | default: 'cliente' }}\"}}]",
)
def not_liquid(reviewed: Reviewed) -> Iterator[Remark]:
    """A text is not liquid, or uses a tag or a filter that there is not."""
    for text in texts(reviewed):
        try:
            uses_of(text.source)
        except TemplateError as error:
            yield text.remark(
                f"{text.name} cannot be read: {error}", "Mend the liquid", error.line, error.column
            )


@check(
    "ATT103",
    "error",
    bad='steps: [{send: {channel: whatsapp, text: "Ciao {{ name }}"}}]',
    good="steps: [{send: {channel: whatsapp, text: \"Ciao {{ contact.name | default: 'cliente' }}\"}}]",
)
def unknown_variable(reviewed: Reviewed) -> Iterator[Remark]:
    """A text names a variable that no message sees."""
    for text in readable(reviewed):
        for use in uses_of(text.source):
            if use.root not in ROOTS:
                yield text.remark(
                    f"{text.name} names {use.root}, which is not defined",
                    f"Messages see {', '.join(f'{root}.…' for root in ROOTS)}",
                    use.line,
                    use.column,
                )


@check(
    "ATT104",
    "warning",
    bad='steps: [{send: {channel: whatsapp, text: "Codice {{ vars.codice }}"}}]',
    good='vars: {codice: A1}\nsteps: [{send: {channel: whatsapp, text: "Codice {{ vars.codice }}"}}]',
)
def unset_variable(reviewed: Reviewed) -> Iterator[Remark]:
    """A text names a variable that neither the flow nor the send sets."""
    for text in readable(reviewed):
        own = text.send.vars if text.field != "vars" else {}
        for use in uses_of(text.source):
            if use.root == "vars" and use.path is not None and len(use.path) > 1:
                name = use.path[1]
                if name not in variables_of(reviewed.flow) and name not in own:
                    yield text.remark(
                        f"{text.name} names vars.{name}, which nothing sets",
                        "Set it in the flow's `vars` or the send's, unless the start of the journey gives it",
                        use.line,
                        use.column,
                    )


@check(
    "ATT105",
    "error",
    bad="steps: [{send: {channel: whatsapp, text: {fr: Salut}}}]",
    good="steps: [{send: {channel: whatsapp, text: {fr: Salut, it: Ciao}}}]",
)
def missing_language(reviewed: Reviewed) -> Iterator[Remark]:
    """A message has no text in the workspace's language, nor one for any."""
    if reviewed.workspace is None:
        return
    language = reviewed.workspace.language
    for send in sending(reviewed.flow.steps):
        has = send.text if send.text is not None else reviewed.templates.by_name.get(send.template or "")
        if has and choose(has, language, None) is None:
            field = "template" if send.template else "text"
            yield Remark(
                send,
                field,
                f"the message of {send.id} is there in {', '.join(sorted(has))} only",
                f"Add {language}, the workspace's language: contacts with any other language get that one",
            )


@check(
    "ATT106",
    "warning",
    bad="steps: [{send: {channel: email, text: Ciao}}]",
    good="steps: [{send: {channel: email, text: Ciao, subject: Un saluto}}]",
)
def missing_subject(reviewed: Reviewed) -> Iterator[Remark]:
    """An e-mail has no subject."""
    for send in sending(reviewed.flow.steps):
        channels = send.channel or ((reviewed.flow.channel,) if reviewed.flow.channel else ())
        template = reviewed.templates.by_name.get(send.template or "", {})
        subjects = [each.subject for each in template.values()]
        if "email" in channels and not send.subject and not (subjects and all(subjects)):
            yield Remark(
                send,
                "template" if send.template else "text",
                f"the e-mail of {send.id} has no subject",
                "Write `subject:` in the send, or `subject: …` and `---` on top of the template's file",
            )


@check(
    "ATT107",
    "warning",
    bad='steps: [{send: {channel: whatsapp, text: "Ciao {{ contact.name }}"}}]',
    good="steps: [{send: {channel: whatsapp, text: \"Ciao {{ contact.name | default: 'cliente' }}\"}}]",
)
def no_stand_in(reviewed: Reviewed) -> Iterator[Remark]:
    """A text says something of the contact that may be missing, and a message with a gap is not sent."""
    for text in readable(reviewed):
        for path in bare_outputs(text.source):
            if path[0] == "contact":
                name = ".".join(path)
                yield text.remark(
                    f"{text.name} is not sent to contacts without {name}",
                    f'Write {{{{ {name} | default: "…" }}}}, or put it into an {{% if {name} %}}',
                )


@check(
    "ATT108",
    "error",
    allowable=False,
    bad="steps: [{id: a, send: {channel: whatsapp, template: ciao}}, {id: ciao, send: {channel: "
    "whatsapp, text: X}}]",
    good="steps: [{id: a, send: {channel: whatsapp, template: ciao}}, {id: b, send: {channel: whatsapp, "
    "text: X}}]",
)
def text_under_a_templates_name(reviewed: Reviewed) -> Iterator[Remark]:
    """The text of a step would be kept under a name that is a template's."""
    sends = sending(reviewed.flow.steps)
    named = {send.template for send in sends if send.template}
    for send in sends:
        if send.text is not None and send.id in named:
            yield Remark(
                send,
                "id",
                f"{send.id} is a step with a text of its own and a template",
                "Give the step another `id`",
            )


@check(
    "ATT109",
    "warning",
    bad="steps: [{send: {channel: whatsapp, text: {'*': Ciao, en: Hi}, subject: {en: Hi}}}]",
    good="steps: [{send: {channel: whatsapp, text: {'*': Ciao, en: Hi}, subject: {'*': Ciao, en: Hi}}}]",
)
def subject_in_fewer_languages(reviewed: Reviewed) -> Iterator[Remark]:
    """A message has a subject in some of its languages only."""
    for send in sending(reviewed.flow.steps):
        subject, text = send.subject or {}, send.text or {}
        lacking = sorted(language for language in text if language not in subject)
        if subject and lacking and ANY_LANGUAGE not in subject:
            yield Remark(
                send,
                "subject",
                f"the subject of {send.id} is missing in {', '.join(lacking)}",
                "Add it, or one for `*`",
            )
