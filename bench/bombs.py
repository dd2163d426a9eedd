"""Documents that are made to exhaust a parser: what each costs, through the collector's own pool of parsers.

Seen from outside: the seconds until the answer, and the seconds an ordinary feed waits that comes in the same moment.
"""

from __future__ import annotations

import asyncio
import time

HEAD = b'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>'
TAIL = b"</channel></rss>"
MAX_BYTES = 10_000_000


def attributes(number: int) -> bytes:
    return b" ".join(b'a%d="x"' % n for n in range(number))


def items(pattern: bytes, number: int) -> bytes:
    return HEAD + b"".join(pattern.replace(b"N", b"%d" % n) for n in range(number)) + TAIL


def inside(start: bytes, piece: bytes, number: int, end: bytes) -> bytes:
    return HEAD + b"<item>" + start + piece * number + end + b"</item>" + TAIL


def bombs() -> dict[str, bytes]:
    """Return documents by name."""
    text, end = b"<description><![CDATA[", b"]]></description>"
    atom = b'<feed xmlns="http://www.w3.org/2005/Atom"><entry>'
    json_feed = b'{"version":"https://jsonfeed.org/version/1.1","title":"x","items":'
    return {
        "attributes on the root": b"<rss " + attributes(40_000) + b"><channel/></rss>",
        "attributes on items": HEAD + (b"<item " + attributes(200) + b"><title>q</title></item>") * 4_000,
        "nested tags": HEAD + b"<a>" * 200_000 + b"</a>" * 200_000 + TAIL,
        "nested tags, less deep, often": HEAD + (b"<a>" * 4_900 + b"</a>" * 4_900) * 100 + TAIL,
        "nested tags without end": HEAD + b"<a>" * 4_900,
        "items without end": HEAD + b"<item><title>x" * 300_000,
        "340,000 items": HEAD + b"<item><title>x</title></item>" * 340_000 + TAIL,
        "340,000 items, not well-formed": HEAD + b"<item><title>x</title></item>" * 340_000,
        "entities of entities": b"<!DOCTYPE x ["
        + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10 if n else b"lol" * 10) for n in range(12))
        + b"]>"
        + inside(b"<title>", b"&a11;", 1, b"</title>"),
        "one long entity, often": b'<!DOCTYPE x [<!ENTITY a "'
        + b"x" * 100_000
        + b'">]>'
        + inside(b"<title>", b"&a;", 50_000, b"</title>"),
        "ampersands": inside(b"<description>", b"&", 9_000_000, b"</description>"),
        "escaped entities": inside(b"<description>", b"&amp;lt;", 1_100_000, b"</description>"),
        "references to characters": inside(b"<description>", b"&#60;", 1_900_000, b"</description>"),
        "less-than signs": inside(text, b"<", 9_000_000, end),
        "open quotes": inside(text, b"<a '", 2_400_000, end),
        "open scripts": inside(text, b"<script>", 1_100_000, end),
        "tags in a title": inside(b"<title><![CDATA[", b"<b>", 3_000_000, b"]]></title>"),
        "open comments": HEAD + b"<!--" * 2_400_000,
        "CDATA sections": inside(b"<title>", b"<![CDATA[x]]>", 700_000, b"</title>"),
        "open CDATA sections": HEAD + b"<![CDATA[" * 1_000_000,
        "open instructions": HEAD + b"<?" * 4_500_000,
        "a long tag": HEAD + b"<item " + b"x" * 9_000_000 + b">" + TAIL,
        "a long attribute": HEAD + b'<item a="' + b"x" * 9_000_000 + b'">' + TAIL,
        "namespaces": items(b'<item xmlns:nN="urn:N"><nN:x>1</nN:x></item>', 60_000),
        "bases": items(b'<item xml:base="http://aN/"><link>x</link></item>', 120_000),
        "categories": HEAD + b"<item>" + b"".join(b"<category>c%d</category>" % n for n in range(200_000)) + TAIL,
        "contents": inside(b"", b"<content:encoded>x</content:encoded>", 200_000, b""),
        "an author of dots": inside(b"<author>", b"a.", 1_000_000, b"@" + b"b." * 1_000_000 + b"</author>"),
        "odd dates": items(b"<item><pubDate>Foo N bar 10:N:61 zz 20N</pubDate></item>", 90_000),
        "undefined entities": items(b"<item><title>&nbsp;x</title></item>", 250_000),
        "wrong ends": items(b"<item><title>a</b></title></item>", 250_000),
        "inline markup": atom + b'<content type="xhtml"><div>' + b"<p>a</p>" * 1_100_000 + b"</div></content></entry>",
        "base64": atom
        + b'<content type="application/octet-stream">'
        + b"QUJD" * 2_400_000
        + b"</content></entry></feed>",
        "JSON, nested": json_feed + b"[" * 4_000_000,
        "JSON, a long number": json_feed + b'[{"id":' + b"9" * 9_000_000 + b"}]}",
        "JSON, escaped markup": json_feed + b'[{"id":"1","content_html":"' + b"\\u003c" * 1_500_000 + b'"}]}',
        "a sitemap": b"<urlset>" + b"<url><loc>http://a/b</loc></url>" * 280_000 + b"</urlset>",
        "bytes of no encoding": HEAD + b"<item><title>" + b"\xc7\xe1" * 4_500_000 + b"</title></item>" + TAIL,
        "HTML without end": b"<html>" + b"<div>" * 1_900_000,
        "blanks": b" " * 9_900_000 + b"<rss/>",
    }


async def cost_of_bombs(bomb_names: set[str] | None = None) -> dict[str, tuple[str, float, float]]:
    """Return outcome, seconds until the answer, and seconds that an ordinary feed waits meanwhile, by bomb."""
    from agent.parse.pool import ParsePool
    from agent.settings import CollectSettings

    found = {}
    ordinary = HEAD + b"<item><title>x</title></item>" * 20 + TAIL
    async with ParsePool(CollectSettings()) as pool:
        await pool.start()
        for name, document in bombs().items():
            if bomb_names is not None and name not in bomb_names:
                continue
            start = time.perf_counter()
            exploding = asyncio.create_task(pool.parse(document[:MAX_BYTES], url="https://bench.example/"))
            await asyncio.sleep(0)
            await pool.parse(ordinary)
            waited = time.perf_counter() - start
            reply = await exploding
            found[name] = (reply.outcome, time.perf_counter() - start, waited)
    return found


if __name__ == "__main__":
    for bomb, (outcome, seconds, waited_seconds) in asyncio.run(cost_of_bombs()).items():
        print(f"{bomb:32} {outcome:14} {seconds:6.2f} s, another waits {waited_seconds:5.2f} s")
