"""Consent: what a contact allows, and the words with which it says so."""

from schemas.types.facts import ConsentRecorded
from streams.core.draft import Draft
from streams.core.folding import fold
from streams.core.program import WorkspaceSettings
from streams.core.state import ContactState

__all__ = ["denial", "record_consent", "word_of"]

_LONGEST_WORD = 40
"""A longer message is no consent word, characters."""


def denial(state: ContactState, settings: WorkspaceSettings, purpose: str, channel: str) -> str | None:
    """Why nothing of this purpose may go by this channel: opted_out or no_consent; None if it may.

    What was said of the purpose on the channel counts first; then of the purpose, and of anything on the
    channel (either may deny); then of anything; then the workspace's default.
    """
    said = state.consent
    if said:
        for names in ((f"{purpose}\0{channel}",), (purpose, f"any\0{channel}"), ("any",)):
            answers = [said[name] for name in names if name in said]
            if answers:
                return None if all(answers) else "opted_out"
    return "no_consent" if dict(settings.consent).get(purpose) == "opt_in" else None


def word_of(text: str, settings: WorkspaceSettings) -> bool | None:
    """What a message that is just a consent word says: True opts in, False out; None: it is none."""
    if len(text) > _LONGEST_WORD or not (settings.stop_words or settings.start_words):
        return None
    word = fold(text.strip(" \t\n.!?,;:\"'"))
    if word in settings.stop_words:
        return False
    return True if word in settings.start_words else None


def record_consent(
    draft: Draft, *, purpose: str, channel: str | None, granted: bool, by: str, message: str | None = None
) -> None:
    """Consent given or taken back is a fact."""
    draft.emit(
        ConsentRecorded(
            **draft.head(), purpose=purpose, channel=channel, granted=granted, by=by, message=message
        )
    )
