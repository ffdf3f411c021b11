"""What is wrong with a file, and where: the one form in which parsing and review speak to an author."""

from typing import Literal

import msgspec

__all__ = ["Finding", "Severity", "errors"]

Severity = Literal["error", "warning"]


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing about a file that its author should know."""

    file: str
    line: int
    """From 1."""
    column: int
    """From 1."""
    code: str
    """Stable: ATT001 … ATT099 are the file's form, from ATT101 on its sense."""
    severity: Severity
    """An error keeps the file from being published; a warning asks for a second look."""
    message: str
    """What is so."""
    advice: str
    """What to do about it."""

    def __str__(self) -> str:
        """One line as compilers write it, with the advice after the message."""
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.severity} {self.code}: {self.message}. {self.advice}"


def errors(findings: list[Finding]) -> list[Finding]:
    """The findings that keep a file from being published."""
    return [finding for finding in findings if finding.severity == "error"]
