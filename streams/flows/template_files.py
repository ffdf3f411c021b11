"""Template files beside a flow: `templates/<name>.liquid` for any language, `templates/<name>.<lang>.liquid`.

A file is the message. One that has a subject (e-mail, push) starts with a line `subject: …`, which is liquid
too, and a line `---`; the message follows. Line breaks at the end of a file are not part of the message.
"""

from pathlib import Path

import msgspec

from streams.flows.definition import Templates, TemplateText
from streams.flows.finding import Finding
from streams.flows.model import ANY_LANGUAGE
from streams.flows.parsing import scalars
from streams.flows.parsing.located import Unreadable, decode

__all__ = ["TemplateFile", "TemplateFiles", "read_template", "read_templates"]

SUFFIX = ".liquid"
SUBJECT = "subject:"
RULE = "---"


class TemplateFile(msgspec.Struct, frozen=True):
    """One template in one language."""

    file: str
    text: str
    subject: str | None = None
    first_line: int = 1
    """The line of the file on which the text starts."""


class TemplateFiles(msgspec.Struct, frozen=True):
    """The templates beside a flow, by name and language."""

    folder: str
    by_name: dict[str, dict[str, TemplateFile]] = {}

    @property
    def templates(self) -> Templates:
        """As they are bundled into a definition."""
        return {
            name: {lang: TemplateText(each.text, each.subject) for lang, each in sorted(languages.items())}
            for name, languages in sorted(self.by_name.items())
        }


def read_templates(folder: Path) -> tuple[TemplateFiles, list[Finding]]:
    """All templates of a folder and what is wrong with its files; a folder that is not there has none."""
    found: dict[str, dict[str, TemplateFile]] = {}
    findings: list[Finding] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []:
        try:
            name, language = _name(path)
            found.setdefault(name, {})[language] = read_template(
                decode(path.read_bytes(), str(path)), str(path)
            )
        except Unreadable as unreadable:
            findings.append(unreadable.finding)
        except ValueError as error:
            findings.append(
                Finding(
                    file=str(path),
                    line=1,
                    column=1,
                    code="ATT009",
                    severity="error",
                    message=f"the file's name cannot be read: {error}",
                    advice="Name it <name>.liquid, or <name>.<language>.liquid, as sollecito.it.liquid",
                )
            )
    return TemplateFiles(str(folder), found), findings


def _name(path: Path) -> tuple[str, str]:
    """`sollecito.it.liquid`: sollecito, it."""
    name, _, language = path.name.removesuffix(SUFFIX).partition(".")
    return scalars.identifier(name), scalars.language(language) if language else ANY_LANGUAGE


def read_template(text: str, file: str) -> TemplateFile:
    """A template file's text as subject and message."""
    first, _, rest = text.partition("\n")
    rule, _, message = rest.partition("\n")
    if first.casefold().startswith(SUBJECT) and rule.strip() == RULE:
        subject = first[len(SUBJECT) :].strip()
        return TemplateFile(file, message.rstrip("\r\n"), subject or None, 3)
    return TemplateFile(file, text.rstrip("\r\n"))
