"""Addresses of articles: made absolute, and made canonical so that one page has one address.

`canonical_url` is what `article_id` is made of, so a change here gives known articles new ids: only ever add
parameters.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

MAX_URL_CHARS = 4000

# As the WHATWG URL Standard has it: line ends inside are dropped, blanks at the ends too.
_STRIPPED = "".join(map(chr, range(0x21))) + "\x7f\xa0\ufeff\u200b\u200e\u200f"
_LINE_ENDS = re.compile(r"[\t\r\n]+ *")
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff]")
_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*:")
_DEFAULT_PORTS = {"http": 80, "https": 443}

# Parameters that only say where a click came from, whatever their value.
_TRACKING = frozenset(
    "fbclid gclid gclsrc dclid gbraid wbraid msclkid twclid ttclid li_fat_id igshid igsh mc_cid mc_eid mkt_tok yclid "
    "ysclid ymclid _openstat _hsenc _hsmi hsctatracking vero_id vero_conv oly_anon_id oly_enc_id wickedid zanpid "
    "rb_clid s_cid icid ncid ocid cmpid xtor ns_campaign ns_mchannel ns_source ns_linkname ns_fee at_medium "
    "at_campaign at_campaign_type at_custom1 at_custom2 at_custom3 at_custom4 at_link_id at_link_type at_link_origin "
    "at_format at_bbc_team at_ptr_name traffic_source rss_source __twitter_impression smid spm share_source "
    "pk_campaign pk_kwd pk_source pk_medium piwik_campaign mtm_campaign mtm_source mtm_medium mtm_keyword "
    "matomo_campaign ga_source ga_medium ga_term ga_content ga_campaign __s ref_src ref_url guccounter "
    "guce_referrer guce_referrer_sig trk trkcampaign cvid _ga _gl".split()
)
_TRACKING_PREFIXES = ("utm_", "hsa_", "stm_", "wt_", "wt.", "ito_", "fb_action_", "fb_ref", "fb_source")
# Parameters that are tracking only when their value says that the click came from a feed (`?src=rss`, `?ref=RSSfeed`).
_MAYBE_TRACKING = frozenset(
    "source src ref from cmp partner emc channel medium via referer referrer origin mod campaign cid".split()
)
_FEED_VALUE = re.compile(
    r"^(?:[a-z0-9]+[_.-])*(?:my)?(?:rss|atom|feeds?|rss-?feeds?|atom-?feeds?|feedburner)\d*(?:[_.-][a-z0-9]+)*$",
    re.IGNORECASE,
)

# An address as most are, in which nothing needs to be put right: page, query, fragment.
_USUAL = re.compile(
    r"^(https?://[a-z0-9-]+(?:\.[a-z0-9-]+)+/[A-Za-z0-9/:@!$&'()*+,;=._~-]*)"
    r"(?:\?([A-Za-z0-9/:@!$&'()*+,;=._~?-]*))?(#[!-~]*)?\Z"
)
_SAFE_PATH = "/:@!$&'()*+,;=-._~"
_SAFE_QUERY = _SAFE_PATH + "?"
_PLAIN = re.compile(r"^[A-Za-z0-9/:@!$&'()*+,;=._~-]*$")
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
_ESCAPES = re.compile(r"((?:%[0-9a-fA-F]{2})+)")


def absolute_url(link: str | None, base: str | None = None) -> str | None:
    """Return `link` as an absolute http(s) URL, resolved against `base`; None when it is none or cannot be one."""
    if not link:
        return None
    if len(link) <= MAX_URL_CHARS and _USUAL.match(link) is not None:
        return link
    link = _BLANKS.sub("%20", _LINE_ENDS.sub("", link.strip(_STRIPPED)))
    if not link or link.startswith("#"):
        return None
    try:
        joined = urljoin(base, link) if base and not _SCHEME.match(link) else link
        parts = urlsplit(joined)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in _DEFAULT_PORTS or not host or len(joined) > MAX_URL_CHARS:
        return None
    return joined


def canonical_url(url: str | None) -> str | None:
    """Return `url` without tracking parameters, fragment, default port and differences of spelling; None for None.

    Host and scheme in lower case, IDN hosts in their ASCII form, percent-encoding per RFC 3986 section 6.2.2: what
    need not be escaped is not, what must be is, as UTF-8. The order of the remaining parameters is kept.
    """
    if url is None:
        return None
    if (usual := _USUAL.match(url)) is not None:
        page, query, _ = usual.groups()
        if query is None:
            return page
        if "%" not in query and "?" not in query:
            kept = "&".join([pair for pair in query.split("&") if pair and not _is_tracking(pair)])
            return f"{page}?{kept}" if kept else page
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    host = _ascii_host(host.rstrip("."))
    if not host:
        return None
    netloc = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS.get(scheme):
        netloc += f":{port}"
    path = _requote(parts.path or "/", _SAFE_PATH)
    query = "&".join(_requote(pair, _SAFE_QUERY) for pair in parts.query.split("&") if pair and not _is_tracking(pair))
    return urlunsplit((scheme, netloc, path, query, ""))


def _is_tracking(pair: str) -> bool:
    key, _, value = pair.partition("=")
    key = key.lower()
    if key in _TRACKING or key.startswith(_TRACKING_PREFIXES):
        return True
    return key in _MAYBE_TRACKING and _FEED_VALUE.match(value) is not None


def _requote(text: str, safe: str) -> str:
    # A "%" that begins no escape is a percent sign; an escape of an unreserved character is that character.
    if _PLAIN.match(text):
        return text
    pieces = []
    for piece in _ESCAPES.split(text):
        if piece.startswith("%") and _ESCAPES.fullmatch(piece):
            pieces.append(_ESCAPE.sub(_normal_escape, piece))
        else:
            pieces.append(quote(piece.encode("utf-8", "replace"), safe=safe))
    return "".join(pieces)


def _normal_escape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character.isascii() and (character.isalnum() or character in "-._~") else match[0].upper()


def _ascii_host(host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return quote(host)
