"""The codes of a file's form: ATT001 to ATT099. A file with one of them is not read any further."""

import msgspec

__all__ = ["FORM", "FormCode"]


class FormCode(msgspec.Struct, frozen=True):
    """A code of the form, with a flow file that has it; each is an error and none can be allowed."""

    code: str
    meaning: str
    bad: str


FORM = {
    each.code: each
    for each in (
        FormCode("ATT001", "The text is not one YAML 1.2 document of plain data", "flow: [a"),
        FormCode("ATT002", "The file is larger or deeper than any flow", "steps: " + "[" * 70 + "]" * 70),
        FormCode("ATT003", "The file is not UTF-8", "flow: \udce8"),
        FormCode("ATT004", "A key stands twice in one mapping", "flow: a\nflow: b"),
        FormCode("ATT005", "A key is not known here", "flow: a\ntriger: manual\nsteps: end"),
        FormCode(
            "ATT006",
            "Something of the grammar is not available yet",
            "flow: a\ntrigger: manual\nsteps: [{webhook: {url: 'https://a.it'}}]",
        ),
        FormCode("ATT007", "A key that is needed is missing", "flow: a\nsteps: end"),
        FormCode("ATT008", "A value is of the wrong kind", "flow: a\ntrigger: manual\nsteps: [{send: ciao}]"),
        FormCode("ATT009", "A value cannot be read", "flow: a\ntrigger: manual\nsteps: [{wait: 3 days}]"),
        FormCode(
            "ATT010",
            "Of two keys only one may stand here",
            "flow: a\ntrigger: manual\nsteps: [{send: {text: a, template: b}}]",
        ),
        FormCode(
            "ATT011",
            "A key does not go with the others here",
            "flow: a\ntrigger: manual\nsteps: [{if: {tag: vip, gt: 3}, then: end}]",
        ),
        FormCode(
            "ATT012",
            "Two steps have the same id",
            "flow: a\ntrigger: manual\nsteps: [{id: x, wait: 1h}, {id: x, wait: 2h}]",
        ),
    )
}
