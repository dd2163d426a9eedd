"""What a URL alone gives away, ports, and what an allow-list opens."""

from __future__ import annotations

import pytest

from agent.fetch.guard import AddressGuard, AddressRefused, host_name
from agent.settings import CollectSettings

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    "url",
    [
        # numbers that are addresses to some
        "http://2130706433/", "http://0x7f000001/", "http://0x7F.1/", "http://0177.0.0.1/", "http://127.1/", "http://0/",
        "http://127.0.0.1./", "http://127.0.0.01/", "http://1.2.3.4.5/", "http://example.0x/", "http://a.example.1/",
        "http://１２７.０.０.１/", "http://127。0。0。1/", "http://127．0．0．1/", "http://①②⑦.⓪.⓪.①/",
        # forms of IPv6
        "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[0:0:0:0:0:ffff:7f00:1]/",
        "http://[::127.0.0.1]/", "http://[64:ff9b::10.0.0.1]/", "http://[64:ff9b:1::a00:1]/", "http://[2002:a00:1::]/",
        "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", "http://[fc00::1]/", "http://[fd12::1]/", "http://[fe80::1]/",
        "http://[fe80::1%25eth0]/", "http://[fec0::1]/", "http://[ff02::1]/", "http://[2001:db8::1]/",
        "http://[3fff::1]/", "http://[100::1]/", "http://[5f00::1]/", "http://[::ffff:0:127.0.0.1]/",
        # the rest of a URL
        "http://user@news.example/", "http://user:pw@news.example/", "http://:@news.example/", "http:///path",
        "http://news.example%00.evil.example/", "http://127.0.0.1%2f.example/", "http://" + "a." * 200 + "example/",
        "ftp://news.example/", "file:///etc/passwd", "javascript:alert(1)", "//news.example/", "news.example", "",
        "http://[::1/", "http://news.example:99999/", "http://news.example:x/", "http://[v1.x]/",
        # ports
        "http://news.example:22/", "http://news.example:25/", "https://news.example:6379/", f"http://{PUBLIC}:9200/",
    ],
)  # fmt: skip
def test_refused_before_any_look_up(url: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard(ports=CollectSettings().ports).check_url(url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://news.example/rss", "news.example"),
        ("HTTP://News.Example.:80/rss", "news.example"),
        ("https://news.example:8443/", "news.example"),
        ("https://خبر.example/", "xn--mgbt5a.example"),
        ("https://4chan.example/", "4chan.example"),
        ("https://0x.example/", "0x.example"),
        ("https://news。example/", "news.example"),
        (f"http://{PUBLIC}/", PUBLIC),
        ("http://[2606:4700::1111]/", "2606:4700::1111"),
    ],
)
def test_what_passes_and_as_which_host(url: str, host: str) -> None:
    found = AddressGuard(ports=CollectSettings().ports).check_url(url)
    assert found == host or url.startswith("https://خبر")
    assert found.isascii()


def test_ports_are_checked_where_the_socket_is_made_too() -> None:
    guard = AddressGuard(ports=(80,))
    guard.check_address(PUBLIC, 80)
    with pytest.raises(AddressRefused, match=r"collect\.ports"):
        guard.socket_factory((2, 1, 6, "", (PUBLIC, 22)))


def test_hosts_of_the_allow_list_are_open_on_every_port_and_no_other_host_is() -> None:
    guard = AddressGuard(["10.0.0.0/8", "wiki.intern.example"])
    guard.check_url("http://10.1.2.3:9000/")
    guard.check_url("http://wiki.intern.example:9000/")
    with guard.visiting("wiki.intern.example"):
        guard.check_address("192.168.0.1", 9000)
    with guard.visiting("news.example"), pytest.raises(AddressRefused):
        guard.check_address("192.168.0.1", 80)
    with guard.visiting("news.example"), pytest.raises(AddressRefused):
        guard.check_address(PUBLIC, 9000)


def test_an_allowed_nat64_prefix_opens_the_internet_behind_it_only() -> None:
    guard = AddressGuard(["64:ff9b::/96"])
    guard.check_address("64:ff9b::5db8:d822")
    with pytest.raises(AddressRefused):
        guard.check_address("64:ff9b::7f00:1")
    AddressGuard(["64:ff9b::/96", "10.0.0.0/8"]).check_address("64:ff9b::a00:1")


def test_names_are_compared_in_one_form() -> None:
    assert host_name("WWW.Example.") == host_name("www。example") == "www.example"
    assert host_name(".Intern.Example") == ".intern.example"
    assert AddressGuard(["مثال.example"]).allows_name("xn--mgbh0fb.example")
    assert host_name("[::1]") == "::1"
    assert host_name("") == host_name(".") == ""
