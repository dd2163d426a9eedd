"""Writes a tree as query text again, for explanations: the text means the same, with folded words."""

from __future__ import annotations

from datetime import datetime

from streams.query.syntax import (
    AtLeast,
    Clauses,
    Everything,
    FieldIs,
    Has,
    InLanguage,
    InScope,
    Moment,
    Near,
    Node,
    Phrase,
    Published,
    Reference,
    Weighted,
    Word,
)


def show(node: Node, *, in_group: bool = False) -> str:
    """Return `node` as query text; `in_group` puts parentheses around what would fall apart beside other clauses."""
    match node:
        case Phrase():
            return _phrase(node.words)
        case Near():
            name = "before" if node.is_ordered else "near"
            return f"{name}/{node.distance}:({' '.join(show(part, in_group=True) for part in node.parts)})"
        case InScope():
            return f"{node.scope}:{show(node.item, in_group=True)}"
        case InLanguage():
            return f"in/{'+'.join(node.languages)}:{show(node.item, in_group=True)}"
        case AtLeast():
            return f"min_mentions/{node.count}:{show(node.item, in_group=True)}"
        case FieldIs():
            values = [_quoted(value) for value in node.values]
            return f"{node.field}:{values[0] if len(values) == 1 else '(' + ' '.join(values) + ')'}"
        case Has():
            return f"has:{node.field}"
        case Published():
            return f"published:[{_moment(node.low)} TO {_moment(node.high)}}}"
        case Weighted():
            return f"{show(node.item, in_group=True)}^{node.weight:g}"
        case Reference():
            return f"@{node.name}"
        case Everything():
            return "*"
        case Clauses():
            text = _clauses(node)
            return f"({text})" if in_group else text
        case _:
            raise TypeError(type(node).__name__)


def _clauses(node: Clauses) -> str:
    if node.must and not (node.should or node.must_not or node.against) and len(node.must) > 1:
        return " AND ".join(show(item, in_group=True) for item in node.must)
    if node.should and not (node.must or node.must_not or node.against):
        return " OR ".join(show(item, in_group=True) for item in node.should)
    parts = [f"+{show(item, in_group=True)}" for item in node.must]
    parts += [show(item, in_group=True) for item in (*node.should, *node.against)]
    parts += [f"-{show(item, in_group=True)}" for item in node.must_not]
    return " ".join(parts)


def _phrase(words: tuple[Word, ...]) -> str:
    if words[0].kind == "exact":
        return f'="{" ".join(word.surface for word in words)}"'
    texts = [f"{word.key}*" if word.kind == "prefix" else word.key for word in words]
    if len(texts) == 1 and texts[0].isalnum() and texts[0].lower() not in ("and", "or", "not"):
        return texts[0]
    return texts[0] if words[0].kind == "prefix" and len(words) == 1 else f'"{" ".join(texts)}"'


def _quoted(value: str) -> str:
    return f'"{value}"' if any(character.isspace() or character in "()^,;" for character in value) else value


def _moment(moment: Moment | None) -> str:
    if moment is None:
        return "*"
    if moment.fixed is not None:
        return _date(moment.fixed)
    shifts = "".join(f"{count:+d}{unit}" for count, unit in moment.shift)
    return f"now{shifts}{f'/{moment.round_to}' if moment.round_to else ''}"


def _date(at: datetime) -> str:
    return (
        at.strftime("%Y-%m-%d") if (at.hour, at.minute, at.second) == (0, 0, 0) else at.strftime("%Y-%m-%dT%H:%M:%SZ")
    )
