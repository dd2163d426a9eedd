"""Cuts a query into the tokens of luqum's grammar.

luqum's own lexer takes `="a b"` for two words, fails at an apostrophe, and knows neither smart quotes nor Hebrew
gershayim nor Arabic punctuation. Its grammar takes tokens from any lexer, so it gets them from here, with exact
columns, and everything that the language does not have is refused before the grammar sees it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, NoReturn

from luqum.head_tail import TokenValue
from luqum.tree import Word as LuqumWord

from streams.query.errors import MAX_DEPTH, MAX_QUERY_CHARACTERS, MAX_QUERY_WORDS, QueryError, QueryTooCostly

LeafKind = Literal["word", "phrase", "name", "value", "range", "field"]

_QUOTES = '"“”„‟«»″״＂'
_INVISIBLE = "\u200b\u200e\u200f\u061c\u202a-\u202e\u2060\u2066-\u2069\ufeff"
_SPACE = re.compile(f"(?:[\\s{_INVISIBLE}،؛؟。、]|[,;.…](?=[\\s)]|$)|[–—](?=\\s|$))+")
_HEBREW = re.compile("[\u0591-\u05ea]")
_VALUE = re.compile(rf"[^\s()^،؛{_QUOTES}]+")
_PLAIN = re.compile(r"[\w\u200c]+")
"""Characters that need no look at what stands around them."""
_NAME = re.compile(r"@([A-Za-z0-9][A-Za-z0-9_-]*)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?|-?\.\d+")
_TILDE = re.compile(r"~(>?)(\d*)")
_RANGE = re.compile(r"[\[{]\s*([^\s\[\]{}]+)\s+TO\s+([^\s\[\]{}]+)\s*[\]}]")
_COMPARED = re.compile(rf"[<>]=?\s*[^\s()^{_QUOTES}]+")
_OPERATORS = {"AND": "AND_OP", "OR": "OR_OP", "NOT": "NOT", "&&": "AND_OP", "||": "OR_OP"}
LOWER_OPERATORS = frozenset(("and", "or", "not", "And", "Or", "Not"))
_PLAIN_WORD = re.compile(r"[\w\u200c]+(?=[\s)]|$)")
"""Most words by far: nothing in them or behind them that could mean anything."""
_RESERVED = LOWER_OPERATORS | {"AND", "OR", "NOT"}


class Leaf(LuqumWord):  # type: ignore[misc]
    """A word of luqum's tree that carries what our lexer found out about it."""

    def __init__(self, kind: LeafKind, text: str, position: int) -> None:
        # What the base class would set, by way of three constructors: this is done for every word of every rule.
        self.value = text
        self.pos: int = position
        self.size = len(text)
        self.head = self.tail = ""
        self.kind = kind
        self.text = text
        self.is_exact = False
        self.has_prefix_star = False
        self.distance: int | None = None
        self.is_ordered = False


class Token:
    """What PLY asks of a token."""

    __slots__ = ("lexer", "lexpos", "lineno", "type", "value")

    def __init__(self, type_: str, value: Any, position: int) -> None:
        self.type = type_
        self.value = value
        self.lexpos = position
        self.lineno = 1
        self.lexer: Any = None


class Lexer:
    """The tokens of one query, as PLY's parser asks for them.

    `check_field` says whether plain values follow a field, and refuses unknown ones.
    """

    def __init__(self, source: str, check_field: Callable[[str, int], bool]) -> None:
        if len(source) > MAX_QUERY_CHARACTERS:
            raise QueryTooCostly(
                f"the query has {len(source):,} characters and {MAX_QUERY_CHARACTERS:,} are allowed; "
                "split it into several queries",
                MAX_QUERY_CHARACTERS + 1,
            )
        self.source = source
        self.position = 0
        self.last_position = 0
        self._check_field = check_field
        self._words = 0
        self._open: list[tuple[int, bool]] = []
        self._values_follow = False
        self._in_values = False
        self._before = ""
        self._colon: int | None = None

    def input(self, source: str) -> None:
        """Part of PLY's protocol; the source is given when the lexer is made."""

    def token(self) -> Token | None:
        """Return the next token, None at the end. Raises `QueryError`."""
        if self._colon is not None:
            at, self._colon = self._colon, None
            self._before = "COLUMN"
            return self._simple("COLUMN", at, 1)
        space = _SPACE.match(self.source, self.position)
        if space is not None:
            self.position = space.end()
        at = self.last_position = self.position
        if at >= len(self.source):
            self._check_end()
            return None
        if not (self._values_follow or self._in_values):
            plain = _PLAIN_WORD.match(self.source, at)
            if plain is not None and (word := plain.group()) not in _RESERVED and self._words < MAX_QUERY_WORDS:
                self._words += 1
                self._before = "TERM"
                return self._leaf("word", word, at, plain.end())
        token = self._next(self.source[at], at)
        self._before = token.type
        return token

    def _next(self, first: str, at: int) -> Token:
        if first == "(":
            return self._open_group(at)
        if first == ")":
            return self._close_group(at)
        if first == "^":
            return self._weight(at)
        if first == "~":
            self._refuse_tilde(at)
        in_values = self._values_follow or self._in_values
        operator = self._operator(first, at)
        if operator is not None:
            return operator
        self._values_follow = False
        self._words += 1
        if self._words > MAX_QUERY_WORDS:
            raise QueryTooCostly(
                f"the query has more than {MAX_QUERY_WORDS:,} words and values; split it into several queries", at + 1
            )
        if in_values:
            return self._value(first, at)
        if first in _QUOTES and not self._is_gershayim(at):
            return self._phrase(at, at, is_exact=False)
        if first == "=":
            return self._exact(at)
        if first == "@":
            return self._name(at)
        self._refuse_first(first, at)
        return self._word(at)

    # Parentheses, weights, operators

    def _simple(self, type_: str, at: int, length: int) -> Token:
        value = TokenValue(self.source[at : at + length])
        value.pos, value.size = at, length
        self.position = at + length
        return Token(type_, value, at)

    def _open_group(self, at: int) -> Token:
        self._open.append((at, self._in_values))
        self._in_values = self._in_values or self._values_follow
        self._values_follow = False
        if len(self._open) > MAX_DEPTH:
            raise QueryTooCostly(
                f"parentheses are nested more than {MAX_DEPTH} deep; take some away, or name a part and use `@name`",
                at + 1,
            )
        return self._simple("LPAREN", at, 1)

    def _close_group(self, at: int) -> Token:
        if not self._open:
            self._refuse("this `)` closes nothing; take it away, or write `\\)` to search for it", at)
        if self._before == "LPAREN":
            self._refuse("there is nothing between these parentheses; write what to look for", at)
        _, self._in_values = self._open.pop()
        return self._simple("RPAREN", at, 1)

    def _weight(self, at: int) -> Token:
        number = _NUMBER.match(self.source, at + 1)
        if number is None:
            self._refuse("a weight needs a number: `word^2`", at)
        if self._before not in ("TERM", "RPAREN") or self.source[at - 1].isspace():
            self._refuse("a weight stands directly behind what it weighs: `word^2`, `(a OR b)^2`", at)
        self._refuse_glued(number.end(), "the weight")
        token = self._simple("BOOST", at, number.end() - at)
        token.value.value = number.group()
        return token

    def _operator(self, first: str, at: int) -> Token | None:
        source = self.source
        if first in "&|" and source.startswith(first * 2, at):
            return self._simple(_OPERATORS[first * 2], at, 2)
        if first in "AON":
            for word in ("AND", "OR", "NOT"):
                if source.startswith(word, at) and self._ends_word(at + len(word)):
                    return self._simple(_OPERATORS[word], at, len(word))
        if first in "+-!":
            follows = source[at + 1 : at + 2]
            if not follows or follows.isspace() or follows in ")+-!":
                what = {"+": "demands", "-": "excludes", "!": "excludes"}[first]
                self._refuse(f"`{first}` must stand directly before what it {what}: `{first}word`", at)
            return self._simple({"+": "PLUS", "-": "MINUS", "!": "NOT"}[first], at, 1)
        return None

    def _ends_word(self, at: int) -> bool:
        return at >= len(self.source) or self.source[at] in "()" + _QUOTES or self.source[at].isspace()

    # Words and phrases

    def _leaf(self, kind: LeafKind, text: str, at: int, end: int) -> Token:
        leaf = Leaf(kind, text, at)
        leaf.size = end - at
        self.position = end
        return Token("TERM", leaf, at)

    def _phrase(self, quote: int, at: int, *, is_exact: bool) -> Token:
        end = self._closing_quote(quote)
        token = self._leaf("phrase", _unescape(self.source[quote + 1 : end]), at, end + 1)
        token.value.is_exact = is_exact
        tilde = _TILDE.match(self.source, end + 1)
        if tilde is not None:
            if not tilde.group(2):
                self._refuse('say how many words may stand between: `"a b"~5`, in this order `"a b"~>5`', end + 1)
            token.value.distance = int(tilde.group(2)[:6])
            token.value.is_ordered = bool(tilde.group(1))
            self.position = tilde.end()
        self._refuse_glued(self.position, "the closing quote")
        return token

    def _closing_quote(self, quote: int) -> int:
        at = quote + 1
        source = self.source
        while at < len(source):
            if source[at] == "\\":
                at += 2
                continue
            if source[at] in _QUOTES and not self._is_gershayim(at):
                return at
            at += 1
        self._refuse('this quote is never closed; write `"` at the end of the phrase', quote)

    def _is_gershayim(self, at: int) -> bool:
        """Whether the quote at `at` stands inside a Hebrew acronym, as in `ארה"ב`."""
        source = self.source
        return (
            0 < at < len(source) - 1
            and _HEBREW.match(source, at - 1) is not None
            and _HEBREW.match(source, at + 1) is not None
        )

    def _exact(self, at: int) -> Token:
        if self.source[at + 1 : at + 2] and self.source[at + 1] in _QUOTES:
            return self._phrase(at + 1, at, is_exact=True)
        if self._ends_word(at + 1):
            self._refuse('`=` must stand directly before a word or phrase: `=word`, `="two words"`', at)
        token = self._word(at + 1)
        token.value.is_exact = True
        token.value.pos = token.lexpos = at
        return token

    def _name(self, at: int) -> Token:
        name = _NAME.match(self.source, at)
        if name is None or not self._ends_term(name.end()):
            self._refuse("`@` is followed by the name of a query (letters, digits, hyphens): `@syria`", at)
        return self._leaf("name", name.group(1), at, name.end())

    def _ends_term(self, at: int) -> bool:
        return self._ends_word(at) or self.source[at] == "^" or _SPACE.match(self.source, at) is not None

    def _word(self, at: int) -> Token:
        if self.source.startswith("*:*", at) and self._ends_term(at + 3):
            token = self._leaf("word", "", at, at + 3)
            token.value.has_prefix_star = True
            return token
        end = self._word_end(at)
        raw = self.source[at:end]
        if raw in LOWER_OPERATORS:
            self._refuse(
                f'operators are written in capitals: `{raw.upper()}`; to search for the word, write `"{raw}"`', at
            )
        if self.source[end : end + 1] == ":" and raw:
            return self._field(raw, at, end)
        if self.source[end : end + 1] == "~":
            self._refuse_tilde(end)
        if not raw:
            self._refuse(f'cannot read `{self.source[at : at + 10]}` here; put the text in quotes: `"…"`', at)
        has_star = _check_wildcards(raw, at)
        token = self._leaf("word", _unescape(raw[:-1] if has_star else raw), at, end)
        token.value.has_prefix_star = has_star
        if self.source[end : end + 1] not in (":", "("):
            self._refuse_glued(end, "the word")
        else:
            self._refuse("put a space before `(`", end)
        return token

    def _word_end(self, at: int) -> int:
        source = self.source
        plain = _PLAIN.match(source, at)
        end = plain.end() if plain is not None else at
        while end < len(source):
            character = source[end]
            if character == "\\":
                end += 2
                continue
            if character in _QUOTES and not self._is_gershayim(end):
                break
            if character in ":^~()[]{}" or character.isspace() or _SPACE.match(source, end):
                break
            end += 1
        return min(end, len(source))

    def _refuse_glued(self, end: int, what: str) -> None:
        follows = self.source[end : end + 1]
        if follows and follows not in ")^~" and _SPACE.match(self.source, end) is None:
            self._refuse(f"put a space between {what} and `{follows}`", end)

    # Fields and their values

    def _field(self, name: str, at: int, end: int) -> Token:
        self._values_follow = self._check_field(name, at + 1)
        self._words -= 1
        self._colon = end  # the next token
        return self._leaf("field", name, at, end)

    def _value(self, first: str, at: int) -> Token:
        if first in _QUOTES:
            end = self._closing_quote(at)
            return self._leaf("value", _unescape(self.source[at + 1 : end]), at, end + 1)
        if first in "[{":
            found = _RANGE.match(self.source, at)
            if found is None:
                self._refuse("a range is written `[2023-01-01 TO 2023-05-31]`; `*` leaves an end open", at)
            return self._leaf("range", found.group(), at, found.end())
        if first in "<>":
            compared = _COMPARED.match(self.source, at)
            if compared is None:
                self._refuse("a date must follow: `published:>=2023-05-01`", at)
            return self._leaf("range", compared.group(), at, compared.end())
        value = _VALUE.match(self.source, at)
        if value is None:
            self._refuse("a value must follow the colon: `lang:ar`", at)
        return self._leaf("value", value.group(), at, value.end())

    # Refusals

    def _refuse(self, message: str, at: int) -> NoReturn:
        raise QueryError(message, at + 1)

    def _refuse_tilde(self, at: int) -> NoReturn:
        if self._before == "RPAREN":
            self._refuse("`~` after a group is not supported; write `near/5:( … )`", at)
        self._refuse(
            "similar spellings (`word~`) are not supported; write the spellings with OR, use `prefix*`, or `entity:…` "
            "for a name in every spelling",
            at,
        )

    def _refuse_first(self, first: str, at: int) -> None:
        if first == "/":
            self._refuse("regular expressions are not supported; write the words with OR, or use `prefix*`", at)
        if first in "*?":
            if first == "*" and (self._ends_term(at + 1) or self.source.startswith("*:*", at)):
                return
            self._refuse("a wildcard at the start of a word is not supported; write the beginning: `word*`", at)
        if first in "[{]}<>":
            self._refuse("ranges are supported for dates only: `published:[2023-01-01 TO 2023-05-31]`", at)
        if first in "'‘’‚‹›`":
            self._refuse('a phrase is written in double quotes: `"two words"`', at)
        if first in "–—−":
            self._refuse("to exclude a word, write a plain hyphen directly before it: `-word`", at)
        if first == ":":
            self._refuse("a field name must stand before the colon: `title:word`; to search for it, write `\\:`", at)

    def _check_end(self) -> None:
        if self._before == "COLUMN":
            self._refuse("a value or word must follow the colon: `lang:ar`, `title:word`", len(self.source))
        if self._open:
            at, _ = self._open[-1]
            self._refuse("this `(` is never closed; write `)` where the group ends", at)


def _check_wildcards(raw: str, at: int) -> bool:
    """Whether `raw` ends in a star that means “any ending”. Refuses every other wildcard."""
    if raw == "*":
        return True
    plain = re.sub(r"\\.", "__", raw, flags=re.DOTALL)
    for index, character in enumerate(plain):
        if character == "?":
            raise QueryError(
                "the wildcard `?` is not supported; write the spellings with OR, or `prefix*`", at + index + 1
            )
        if character == "*" and index != len(plain) - 1:
            raise QueryError("`*` may stand at the end of a word only: `word*`", at + index + 1)
    return plain.endswith("*")


def _unescape(raw: str) -> str:
    return re.sub(r"\\(.)", r"\1", raw, flags=re.DOTALL) if "\\" in raw else raw
