"""The part of CSS selectors that page rules need, as XPath 1.0.

`div.article-body`, `#comments`, `[itemprop=articleBody]`, `a[href^="/tag/"]`, `.a .b`, `.a > p`, and lists with commas.
Nothing of a selector reaches the XPath but names and quoted values that were checked.
"""

from __future__ import annotations

import re

_NAME = r"-?[A-Za-z_][\w-]*"
_PART = re.compile(
    rf"""#(?P<id>[\w-]+)|\.(?P<class>[\w-]+)"""
    rf"""|\[\s*(?P<attribute>{_NAME}(?::{_NAME})?)\s*(?:(?P<operator>[*^$~]?=)\s*(?:"(?P<double>[^"']*)"|'(?P<single>[^"']*)'|(?P<bare>[\w./:-]+))\s*)?\]"""
)
_TAG = re.compile(rf"\*|{_NAME}")


class SelectorError(ValueError):
    """The selector cannot be read; the message says where."""


def to_xpath(selector: str) -> str:
    """Return `selector` as XPath, relative to the document's root.

    Raises:
        SelectorError: it is none, or of a kind that is not supported.
    """
    return " | ".join(_one(part.strip()) for part in selector.split(","))


def _one(selector: str) -> str:
    if not selector:
        raise SelectorError("an empty selector")
    xpath, axis, position = "", "//", 0
    while position < len(selector):
        step, position = _compound(selector, position)
        xpath += axis + step
        combinator = re.compile(r"\s*(>?)\s*").match(selector, position)
        if combinator is not None and position < len(selector):
            if not combinator[0] or combinator.end() == len(selector):
                raise SelectorError(f"cannot read {selector[position:]!r} in selector {selector!r}")
            axis, position = ("/" if combinator[1] else "//"), combinator.end()
    return xpath


def _compound(selector: str, position: int) -> tuple[str, int]:
    start = position
    tag = _TAG.match(selector, position)
    step = "*"
    if tag is not None:
        step, position = tag[0].lower(), tag.end()
    while match := _PART.match(selector, position):
        step += f"[{_condition(match)}]"
        position = match.end()
    if position == start:
        raise SelectorError(f"cannot read {selector[position:]!r} in selector {selector!r}")
    return step, position


def _condition(match: re.Match[str]) -> str:
    if match["id"]:
        return f"@id='{match['id']}'"
    if match["class"]:
        return f"contains(concat(' ', normalize-space(@class), ' '), ' {match['class']} ')"
    # A name with a colon is a plain attribute name in HTML, and a namespace to XPath.
    name = match["attribute"].lower()
    attribute = f"@*[name()='{name}']" if ":" in name else f"@{name}"
    operator = match["operator"]
    if operator is None:
        return attribute
    value = match["double"] if match["double"] is not None else match["single"]
    value = match["bare"] if value is None else value
    if operator == "=":
        return f"{attribute}='{value}'"
    if operator == "^=":
        return f"starts-with({attribute}, '{value}')"
    if operator == "*=":
        return f"contains({attribute}, '{value}')"
    if operator == "~=":
        return f"contains(concat(' ', normalize-space({attribute}), ' '), ' {value} ')"
    length = len(value)
    return f"substring({attribute}, string-length({attribute}) - {length - 1}) = '{value}'"
