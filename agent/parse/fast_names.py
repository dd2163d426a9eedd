"""Names that feedparser (6.0) knows, as `fast` needs them; `tests/unit/parse/test_fast.py` holds them against the
library that is installed.

A key is what feedparser calls an element: its own prefix for the namespace, `_`, the local name in lower case; without
a prefix for the namespaces of RSS and Atom themselves.
"""

from __future__ import annotations

_URIS: dict[str, tuple[str, ...]] = {
    "": (
        "",
        "http://backend.userland.com/rss",
        "http://blogs.law.harvard.edu/tech/rss",
        "http://purl.org/rss/1.0/",
        "http://my.netscape.com/rdf/simple/0.9/",
        "http://example.com/newformat#",
        "http://example.com/necho",
        "http://purl.org/echo/",
        "uri/of/echo/namespace#",
        "http://purl.org/pie/",
        "http://purl.org/atom/ns#",
        "http://www.w3.org/2005/atom",
        "http://purl.org/rss/1.0/modules/rss091#",
    ),
    "admin": ("http://webns.net/mvcb/",),
    "ag": ("http://purl.org/rss/1.0/modules/aggregation/",),
    "annotate": ("http://purl.org/rss/1.0/modules/annotate/",),
    "audio": ("http://media.tangent.org/rss/1.0/",),
    "blogchannel": ("http://backend.userland.com/blogchannelmodule",),
    "cc": ("http://creativecommons.org/ns#license", "http://web.resource.org/cc/"),
    "creativecommons": (
        "http://cyber.law.harvard.edu/rss/creativecommonsrssmodule.html",
        "http://backend.userland.com/creativecommonsrssmodule",
    ),
    "co": ("http://purl.org/rss/1.0/modules/company",),
    "content": ("http://purl.org/rss/1.0/modules/content/",),
    "cp": ("http://my.theinfo.org/changed/1.0/rss/",),
    "dc": ("http://purl.org/dc/elements/1.1/",),
    "dcterms": ("http://purl.org/dc/terms/",),
    "email": ("http://purl.org/rss/1.0/modules/email/",),
    "ev": ("http://purl.org/rss/1.0/modules/event/",),
    "feedburner": ("http://rssnamespace.org/feedburner/ext/1.0",),
    "fm": ("http://freshmeat.net/rss/fm/",),
    "foaf": ("http://xmlns.com/foaf/0.1/",),
    "geo": ("http://www.w3.org/2003/01/geo/wgs84_pos#",),
    "georss": ("http://www.georss.org/georss",),
    "gml": ("http://www.opengis.net/gml",),
    "icbm": ("http://postneo.com/icbm/",),
    "image": ("http://purl.org/rss/1.0/modules/image/",),
    "itunes": ("http://www.itunes.com/dtds/podcast-1.0.dtd", "http://example.com/dtds/podcast-1.0.dtd"),
    "l": ("http://purl.org/rss/1.0/modules/link/",),
    "media": ("http://search.yahoo.com/mrss", "http://search.yahoo.com/mrss/"),
    "pingback": ("http://madskills.com/public/xml/rss/module/pingback/",),
    "prism": ("http://prismstandard.org/namespaces/1.2/basic/",),
    "rdf": ("http://www.w3.org/1999/02/22-rdf-syntax-ns#",),
    "rdfs": ("http://www.w3.org/2000/01/rdf-schema#",),
    "ref": ("http://purl.org/rss/1.0/modules/reference/",),
    "reqv": ("http://purl.org/rss/1.0/modules/richequiv/",),
    "search": ("http://purl.org/rss/1.0/modules/search/",),
    "slash": ("http://purl.org/rss/1.0/modules/slash/",),
    "soap": ("http://schemas.xmlsoap.org/soap/envelope/",),
    "ss": ("http://purl.org/rss/1.0/modules/servicestatus/",),
    "str": ("http://hacks.benhammersley.com/rss/streaming/",),
    "sub": ("http://purl.org/rss/1.0/modules/subscription/",),
    "sy": ("http://purl.org/rss/1.0/modules/syndication/",),
    "szf": ("http://schemas.pocketsoap.com/rss/mydescmodule/",),
    "taxo": ("http://purl.org/rss/1.0/modules/taxonomy/",),
    "thr": ("http://purl.org/rss/1.0/modules/threading/",),
    "ti": ("http://purl.org/rss/1.0/modules/textinput/",),
    "trackback": ("http://madskills.com/public/xml/rss/module/trackback/",),
    "wfw": ("http://wellformedweb.org/commentapi/",),
    "wiki": ("http://purl.org/rss/1.0/modules/wiki/",),
    "xhtml": ("http://www.w3.org/1999/xhtml",),
    "xlink": ("http://www.w3.org/1999/xlink",),
    "xml": ("http://www.w3.org/xml/1998/namespace",),
    "psc": ("http://podlove.org/simple-chapters",),
}

NAMESPACES = {uri: prefix for prefix, uris in _URIS.items() for uri in uris}
"""Feedparser's prefix by namespace, both in lower case."""

PREFIXES = frozenset(prefix for prefix in _URIS if prefix)

USED_KEYS = frozenset(
    "link links id title title_detail content summary summary_detail published published_parsed created created_parsed "
    "updated updated_parsed author authors author_detail tags media_thumbnail media_content image language "
    "feedburner_origlink "
    # Other names of these in feedparser's dictionaries.
    "date date_parsed modified_parsed issued_parsed description_detail channel items enclosures category "
    "entries source href".split()
)
"""What an element of another kind must not be called in an entry."""

FEED_KEYS = frozenset("title link links language image textinput".split())
"""The same in a feed."""

IGNORED = frozenset(
    # Known to feedparser, without a bearing on what `entries` uses, as long as nothing is inside.
    "name email url uri homepage width height subtitle tagline rights copyright info generator webmaster cloud "
    "expirationdate feedburner_browserfriendly dc_publisher dc_rights dc_contributor dcterms_valid itunes_subtitle "
    "itunes_name itunes_email itunes_block itunes_explicit media_rating media_credit media_restriction media_license "
    "media_player georss_point georss_line georss_polygon georss_box cc_license creativecommons_license".split()
)

NOT_SURE = frozenset(
    "rss channel feed item entry textinput tags body xhtml_body newlocation where georssgeom georss_where gml_point "
    "gml_linestring gml_polygon gml_exterior gml_linearring gml_pos gml_poslist geom itunes_owner itunes_link "
    "psc_chapters psc_chapter".split()
)
"""Known to feedparser, and left to it."""

IMAGE_LEAVES = frozenset("title link description url width height".split())
TEXTINPUT_LEAVES = frozenset("title link description name".split())
PERSON_LEAVES = frozenset("name email url uri homepage itunes_name itunes_email".split())
SOURCE_LEAVES = frozenset("title id link updated published subtitle rights icon logo category generator".split())
