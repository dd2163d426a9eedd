"""From the bytes of a feed to text, whatever was declared.

Declarations are wrong too often to be obeyed: a byte order mark is believed, then valid UTF-8, and a declared
encoding only where the bytes fit it and it does not turn words into rows of accented letters. What is left is guessed
among the 8-bit encodings of the world's press by the letters that they would give.
"""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# "<" or "{" in wide encodings that have no mark.
_WIDE_STARTS = (
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
    (b"{\0", "utf-16-le"),
    (b"\0{", "utf-16-be"),
)
_PROLOG = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_BAD_IN_UTF8 = re.compile("\ufffd+")
_SAMPLE_BYTES = 200_000

# Aliases that mean the Windows superset, as browsers read them (WHATWG Encoding Standard).
_SUPERSETS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}
# The most frequent letters of the languages written in each encoding: what a right guess consists of mostly.
_FREQUENT = {
    "cp1256": "اليمنوترعبدسفةهكحقجأش",
    "iso8859-6": "اليمنوترعبدسفةهكحقجأش",
    "cp1251": "оеаинтсрвлкмдпуяыьгзбйі",
    "koi8-r": "оеаинтсрвлкмдпуяыьгзбй",
    "cp1255": "יוהלאתרבשמנדקעפחםכ",
    "cp1253": "αοιετσνηυρπκλμςάόίέή",
    "cp1254": "ıişğüöçİŞĞÜÖÇ",
    "cp1250": "ěščřžýáíéůąćęłńśźżőűđ",
    "cp1252": "éèàùçâêîôûëïüöäßñáíóúåæøãõÉÀÜÖÄ’‘“”„«»–—…º°",
}
_LATIN = frozenset({"cp1252", "cp1250", "cp1254", "cp1257", "iso8859-2", "iso8859-15", "iso8859-3", "iso8859-4"})
_LIKE = {"koi8-u": "koi8-r", "iso8859-5": "cp1251", "mac-cyrillic": "cp1251", "cp866": "cp1251", "iso8859-2": "cp1250"}
_LIKE |= {"iso8859-7": "cp1253", "iso8859-8": "cp1255", "cp720": "cp1256"}
_SINGLE_BYTE = frozenset({*_FREQUENT, *_LIKE, *_LATIN})
_MIN_EVIDENCE_BYTES = 12
_DECLARED_MARGIN = 0.35

# Codecs that give text: Python knows others (base64, zip) that a declaration must not reach.
_TEXT_ENCODINGS = frozenset(
    {"mac-roman", "mac-cyrillic", "koi8-r", "koi8-u", "kz1048", "ptcp154", "tis-620", "big5", "big5hkscs", "gb18030"}
    | {"euc_jp", "iso2022_jp", "iso2022_kr", "cp932", "cp949", "cp874", "johab", "hz", "viscii"}
    | {f"cp125{n}" for n in range(9)}
    | {f"iso8859-{n}" for n in range(1, 17)}
    | {"cp437", "cp720", "cp850", "cp852", "cp855", "cp857", "cp862", "cp864", "cp866"}
)


def decode_document(data: bytes, content_type: str = "") -> str:
    """Return the text of a feed document, without byte order mark; `content_type` is the HTTP header's value.

    Never fails: bytes that fit no encoding become U+FFFD.
    """
    return decode_and_tell(data, content_type)[0]


def decode_and_tell(data: bytes, content_type: str = "") -> tuple[str, str]:
    """Return the text of a feed document, and the name of the encoding that it was read in."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(name, "replace"), name
    start = data[:64].lstrip(b"\t\n\r ")
    for prefix, name in _WIDE_STARTS:
        if start.startswith(prefix):
            return data.decode(name, "replace"), name
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    if (text := _mostly_utf8(data)) is not None:
        return text, "utf-8"
    guess, guess_score, evidence = _guess(data)
    for declared in _declared(data, content_type):
        if evidence >= _MIN_EVIDENCE_BYTES and declared in _SINGLE_BYTE:
            other_script = (declared in _LATIN) != (guess in _LATIN)
            if other_script or guess_score > _score(data, declared) + _DECLARED_MARGIN:
                continue
        try:
            return data.decode(declared), declared
        except (UnicodeDecodeError, LookupError, ValueError):
            continue
    return data.decode(guess, "replace"), guess


def declared_encodings(data: bytes, content_type: str = "") -> dict[str, str]:
    """Return the encodings that the HTTP header and the document name, verbatim, by who names them."""
    header, prolog = _CHARSET.search(content_type), _PROLOG.match(data[:400])
    found = {"header": header[1]} if header else {}
    return found | ({"document": prolog[1].decode("ascii")} if prolog else {})


def without_declaration(text: str) -> str:
    """Return an XML document without its `<?xml … ?>` line, which names an encoding that text no longer has."""
    found = _XML_DECLARATION.match(text)
    return text[found.end() :] if found is not None else text


def _declared(data: bytes, content_type: str) -> list[str]:
    names = []
    if match := _CHARSET.search(content_type):
        names.append(match[1])
    if prolog := _PROLOG.match(data[:400]):
        names.append(prolog[1].decode("ascii"))
    found = []
    for name in names:
        try:
            normal = codecs.lookup(name).name
        except (LookupError, ValueError):
            continue
        normal = _SUPERSETS.get(normal, normal)
        if not normal.startswith(("utf-8", "utf_8", "utf-16", "utf-32")) and normal in _TEXT_ENCODINGS:
            found.append(normal)
    # The document's own word is the better one: servers add a default charset to everything.
    return list(dict.fromkeys(reversed(found)))


def _mostly_utf8(data: bytes) -> str | None:
    """Return UTF-8 with the odd broken sequence in it (a title cut in mid-letter), or None when it is something
    else."""
    text = data.decode("utf-8", "replace")
    bad = sum(1 for _ in _BAD_IN_UTF8.finditer(text)) - data.count("\ufffd".encode())
    if bad <= 0:
        return text
    # A good sequence of two to four bytes is no accident: in 8-bit text only few high bytes pair up so.
    good = sum(1 for c in text if c > "\x7f") - text.count("\ufffd")
    return text if good > 5 * bad else None


def _high_bytes(data: bytes) -> list[bytes]:
    return _HIGH_RUN.findall(data[:_SAMPLE_BYTES])


def _guess(data: bytes) -> tuple[str, float, int]:
    """Return the likeliest 8-bit encoding, the share of its bytes that are frequent letters, and how many bytes
    spoke."""
    runs = _high_bytes(data)
    total = sum(map(len, runs))
    # In rows of three and more stand the letters of other scripts; no language in Latin letters does that.
    is_latin = sum(len(run) for run in runs if len(run) >= 3) <= 0.5 * total
    best, best_score = "cp1252", -1.0
    for name in _FREQUENT:
        if is_latin == (name in _LATIN):
            score = _score(data, name)
            if score > best_score:
                best, best_score = name, score
    return best, best_score, total


def _score(data: bytes, name: str) -> float:
    letters = b" ".join(_high_bytes(data)).decode(name, "replace").replace(" ", "")
    frequent = _FREQUENT.get(name) or _FREQUENT[_LIKE.get(name, "cp1252")]
    return sum(c in frequent for c in letters) / max(len(letters), 1)
