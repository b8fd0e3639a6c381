"""One ruling for every field of an embeddings request: OpenAI's and Qwen's own.  The table is also what the docs print.

Sources: `openai` 3.54's embeddings request; DashScope's text and multimodal embedding references and the parameters of
the `dashscope` package 1.27, 2026-11-22.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from qwenproxy.dialects.draft import NAME
from qwenproxy.embedding_models import OPENAI_SIZES, EmbeddingRow
from qwenproxy.errors import (
    CONTEXT_LENGTH,
    INVALID_VALUE,
    UNKNOWN_PARAMETER,
    UNSUPPORTED_PARAMETER,
    UNSUPPORTED_VALUE,
    Failure,
    ProxyError,
)
from qwenproxy.wire.openai import Json

type Kind = Literal["kept", "rewritten", "emulated", "dropped", "refused"]
type Content = str | Json
"""One input: a text, or an object with an image or a video."""


class RuledEmbedding(NamedTuple):
    """The outcome: what is asked besides the inputs, under OpenAI's and Qwen's names; what was left out or altered."""

    fields: Json
    dropped: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(slots=True)
class Draft:
    """A request on its way: what the app calls the model, its row, and what has been settled so far."""

    model: str
    row: EmbeddingRow
    refuse: bool
    extras: bool
    """Fields that nobody here knows are passed on."""
    fields: Json = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def leave_out(self, name: str) -> None:
        """Names a parameter that is left out and would not have changed the vectors."""
        self.dropped.append(name if NAME.fullmatch(name) else "unnamed")

    def drop(self, name: str, why: str, failure: Failure = UNSUPPORTED_PARAMETER) -> None:
        """Leaves out a parameter that would have changed the vectors.  Raises ProxyError if such are refused."""
        if self.refuse:
            raise ProxyError(failure, f"The parameter '{name}' is not supported: {why}.", param=name)
        self.leave_out(name)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of one field, and why."""

    kind: Kind
    reason: str
    apply: Callable[[Draft, str, Any], None]


def rule(
    model: str, asked: Json, row: EmbeddingRow, *, refuse: bool, extras: bool, unsaid: Mapping[str, str]
) -> RuledEmbedding:
    """The fields *asked* for the app's *model*, as the model of *row* takes them.

    *refuse* what cannot be honoured, instead of leaving it out; *extras*: pass on what nobody here knows; *unsaid*:
    fields that the dialect cannot say, and why.  Raises ProxyError for what is refused.
    """
    draft = Draft(model, row, refuse, extras)
    for name, value in asked.items():
        TABLE.get(name, UNKNOWN).apply(draft, name, value)
    _size(draft)
    for name in [name for name in draft.fields if name in unsaid]:
        del draft.fields[name]
        draft.drop(name, unsaid[name])
    return RuledEmbedding(draft.fields, tuple(draft.dropped), tuple(draft.changed))


def check_inputs(contents: Sequence[Content], tokens: Sequence[int | None], row: EmbeddingRow) -> None:
    """Refuse what the model would, before anything is sent.  *tokens*: what each of *contents* was in ids, if it was.

    Raises ProxyError, which names the input.
    """
    most = row.tokens
    for place, (content, ids) in enumerate(zip(contents, tokens, strict=True)):
        if not isinstance(content, str):
            if not row.multimodal:
                message = f"'input[{place}]' must be a string: this model embeds texts only."
                raise ProxyError(UNSUPPORTED_VALUE, message, param=f"input[{place}]")
        elif most is not None and (ids or least_tokens(content, most)) > most:
            message = f"'input[{place}]' is longer than the {most} tokens that this model takes in one input; split it."
            raise ProxyError(CONTEXT_LENGTH, message, param=f"input[{place}]")


def least_tokens(text: str, most: int) -> int:
    """How many tokens *text* has at least: a word is one or more.  0 if that cannot be above *most*.

    Nobody knows better without the model's own vocabulary; what is too long all the same the upstream refuses.
    """
    return len(text.split()) if len(text) > 2 * most else 0  # a word and the space after it


def _keep(draft: Draft, name: str, value: Any) -> None:
    draft.fields[name] = value


def _hint(draft: Draft, name: str, value: Any) -> None:
    draft.leave_out(name)


def _elsewhere(draft: Draft, name: str, value: Any) -> None:
    """Settled by the endpoint or the exchange."""


def _dimensions(draft: Draft, name: str, value: Any) -> None:
    row = draft.row
    if row.sizes and value not in row.sizes:
        told = ", ".join(map(str, row.sizes))
        many = "one of " if len(row.sizes) > 1 else ""
        message = f"'dimensions' must be {many}{told} for the model that '{draft.model}' stands for, not {value}."
        raise ProxyError(INVALID_VALUE, message, param=name)
    if row.sized:  # the others have one size, which it is
        draft.fields[name] = value


def _size(draft: Draft) -> None:
    """Stores are made for vectors of the length that OpenAI's own model gives."""
    usual, own = OPENAI_SIZES.get(draft.model), draft.row.size
    if usual is None or usual == own or "dimensions" in draft.fields:
        return
    if draft.row.sized and usual in draft.row.sizes:
        draft.fields["dimensions"] = usual
        draft.changed.append(f"dimensions: {usual}, as {draft.model} gives")
    elif own is not None:
        draft.changed.append(f"vectors of {own} dimensions, not {usual}")


def _dense(draft: Draft, name: str, value: Any) -> None:
    if value != "dense":
        message = "'output_type' must be 'dense': OpenAI's answer has no place for sparse vectors."
        raise ProxyError(UNSUPPORTED_VALUE, message, param=name)


def _one_each(draft: Draft, name: str, value: Any) -> None:
    if value:
        message = "'enable_fusion' is not supported: OpenAI's answer has one vector for each input."
        raise ProxyError(UNSUPPORTED_PARAMETER, message, param=name)


def _unknown(draft: Draft, name: str, value: Any) -> None:
    if draft.extras:
        draft.fields[name] = value
    else:
        draft.drop(name, "neither OpenAI nor Qwen has it", UNKNOWN_PARAMETER)


OPENAI: Mapping[str, Ruling] = {
    "input": Ruling("rewritten", "token ids become text; as many calls as the model's limit asks for", _elsewhere),
    "model": Ruling("rewritten", "the upstream's own name, by alias or default", _elsewhere),
    "dimensions": Ruling("kept", "if the model gives vectors of that length, else refused", _dimensions),
    "encoding_format": Ruling("emulated", "numbers are asked for; base64 is made of them", _elsewhere),
    "user": Ruling("dropped", "Qwen does not ask who it is", _hint),
}
"""OpenAI's own fields, every one of them."""

QWEN: Mapping[str, Ruling] = {
    "text_type": Ruling("kept", "query or document, where the dialect has it", _keep),
    "instruct": Ruling("kept", "what the vectors are for, where the dialect has it", _keep),
    "output_type": Ruling("refused", "but for dense, which is what OpenAI's answer holds", _dense),
    "enable_fusion": Ruling("refused", "one vector for each input", _one_each),
    **dict.fromkeys(
        ("fps", "res_level", "max_video_frames", "auto_truncation"),
        Ruling("kept", "of multimodal models, where the dialect has it", _keep),
    ),
    "title": Ruling("kept", "of a document, where the dialect has it", _keep),
    "task_type": Ruling("kept", "what the vectors are for, in the words of the contents dialect", _keep),
}
"""Fields of Qwen's and of what stands in front of it."""

UNKNOWN = Ruling("dropped", "but for servers that take others", _unknown)
TABLE: Mapping[str, Ruling] = {**OPENAI, **QWEN}
