"""What stories are found by in a store: topics, languages, entities."""

from __future__ import annotations

from streams.stories.documents import StoryDocument


def story_key(kind: str, value: str) -> str:
    """Return the key of what a story must have."""
    return f"{kind}:{value.lower() if kind == 'lang' else value}"


def story_keys(document: StoryDocument) -> list[str]:
    """Return the keys of a story; a language also stands for its bare form (`az-Arab` for `az`)."""
    if document.merged_into is not None:
        return []
    languages = {code for one in document.languages for code in (one, one.partition("-")[0])}
    return [
        *(story_key("topic", one) for one in document.topics),
        *(story_key("entity", one) for one in document.entities),
        *(story_key("lang", one) for one in sorted(languages)),
    ]
