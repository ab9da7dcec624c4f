# SPDX-License-Identifier: BSD-2-Clause
"""Where packages come from: the machine's own sources, in both formats."""

import os
import tempfile
import unittest

import aptsources
from aptsources import Source

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = "http://mirror.example/debian"

LIST = (
    (f"deb {MIRROR} bookworm main", [Source(MIRROR, ["bookworm"], ["main"])]),
    (f"  deb   {MIRROR}   bookworm   main  contrib # why", [Source(MIRROR, ["bookworm"], ["main", "contrib"])]),
    (f"deb [signed-by={KEYS}] {MIRROR} bookworm main", [Source(MIRROR, ["bookworm"], ["main"], KEYS)]),
    (f"deb [ arch=amd64,arm64 signed-by={KEYS} ] {MIRROR} bookworm main", [Source(MIRROR, ["bookworm"], ["main"], KEYS)]),
    (f"deb [trusted=yes] {MIRROR} bookworm main", [Source(MIRROR, ["bookworm"], ["main"])]),
    (f"deb-src {MIRROR} bookworm main", []),
    (f"# deb {MIRROR} bookworm main", []),
    (f"deb {MIRROR}", []),
    ("deb", []),
    ("", []),
    (f"deb {MIRROR} ./", [Source(MIRROR, ["./"], [])]),
    (f"deb {MIRROR} a main\ndeb {MIRROR} b main", [Source(MIRROR, ["a"], ["main"]), Source(MIRROR, ["b"], ["main"])]),
)

BLOCK = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----"
DEB822 = (
    (f"Types: deb\nURIs: {MIRROR}\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: {KEYS}\n",
     [Source(MIRROR, ["bookworm", "bookworm-updates"], ["main"], KEYS)]),
    (f"# by hand\nTYPES: deb deb-src\n# x\nuris: {MIRROR} http://b\nSuites: sid\nComponents: main\n",
     [Source(MIRROR, ["sid"], ["main"]), Source("http://b", ["sid"], ["main"])]),
    (f"Types: deb\nURIs: {MIRROR}\nSuites: sid\nComponents: main\nEnabled: no\n", []),
    (f"Types: deb-src\nURIs: {MIRROR}\nSuites: sid\nComponents: main\n", []),
    (f"Types: deb\nURIs:\n {MIRROR}\nSuites: sid\nComponents: main\n", [Source(MIRROR, ["sid"], ["main"])]),
    (f"Types: deb\nURIs: {MIRROR}\nSuites: sid\nComponents: main\nSigned-By:\n {BLOCK}\n",
     [Source(MIRROR, ["sid"], ["main"], "\n " + BLOCK)]),
    (f"Types: deb\r\nURIs: {MIRROR}\r\nSuites: sid\r\nComponents: main\r\n", [Source(MIRROR, ["sid"], ["main"])]),
    (f"Types: deb\nURIs: http://a\nSuites: a\nComponents: main\n\n \n\nTypes: deb\nURIs: http://b\nSuites: b\nComponents: x\n",
     [Source("http://a", ["a"], ["main"]), Source("http://b", ["b"], ["x"])]),
    (" continued\nTypes deb\n:\n", []),
    ("", []),
)


class Formats(unittest.TestCase):
    def test_one_line(self):
        for text, wanted in LIST:
            with self.subTest(text):
                self.assertEqual(aptsources.parse_list(text), wanted)

    def test_deb822(self):
        for text, wanted in DEB822:
            with self.subTest(text):
                self.assertEqual(aptsources.parse_deb822(text), wanted)

    def test_both_in_a_directory(self):
        with tempfile.TemporaryDirectory() as top:
            parts = os.path.join(top, "parts")
            os.mkdir(parts)
            for name, text in (("sources.list", "deb http://a a main\n"), ("parts/b.list", "deb http://b b main\n"),
                               ("parts/c.sources", "Types: deb\nURIs: http://c\nSuites: c\nComponents: main\n"),
                               ("parts/d.list.save", "deb http://d d main\n")):
                with open(os.path.join(top, name), "w", encoding="utf-8") as file:
                    file.write(text)
            found = aptsources.read(os.path.join(top, "sources.list"), parts)
            self.assertEqual([source.uri for source in found], ["http://a", "http://b", "http://c"])
            found = aptsources.read(os.path.join(top, "absent"), os.path.join(top, "nowhere"))
            self.assertEqual(found, [])


class Archives(unittest.TestCase):
    def archives(self, *sources):
        return [source.uri for source in aptsources.archives(sources, "bookworm")]

    def test_debian_comes_before_vendors_that_use_its_suite_names(self):
        vendor = Source("http://vendor.example/prod", ["bookworm"], ["main"], "/usr/share/keyrings/vendor.gpg")
        debian = Source(MIRROR, ["bookworm", "bookworm-updates"], ["main"], KEYS)
        self.assertEqual(self.archives(vendor, debian), [debian.uri, vendor.uri])

    def test_what_is_no_archive(self):
        self.assertEqual(self.archives(
            Source("http://a/debian", ["bookworm"], ["contrib"]), Source("cdrom:[Debian]/", ["bookworm"], ["main"]),
            Source("http://b/debian-security", ["bookworm-security"], ["main"]), Source("http://c", ["nodistro"], ["main"])), [])

    def test_suites_by_name_of_their_state(self):
        for suite in ("stable", "testing", "unstable", "sid"):
            with self.subTest(suite):
                self.assertEqual(self.archives(Source("http://a/debian/", [suite], ["main"])), ["http://a/debian/"])

    def test_passwords_are_not_shown(self):
        for uri, wanted in (("http://a:b@mirror/debian", "http://mirror/debian"), ("https://a@m:80/x@y", "https://m:80/x@y"),
                            (MIRROR, MIRROR), ("file:/srv/a@b", "file:/srv/a@b")):
            with self.subTest(uri):
                self.assertEqual(Source(uri, [], []).shown, wanted)

    def test_codename(self):
        for text, wanted in (('VERSION_CODENAME=bookworm\n', "bookworm"), ('ID=debian\nVERSION_CODENAME="trixie"\n', "trixie"),
                             ("ID=debian\n", "stable"), ("VERSION_CODENAME=../x\n", "stable")):
            with self.subTest(text), tempfile.NamedTemporaryFile("w") as file:
                file.write(text)
                file.flush()
                self.assertEqual(aptsources.codename(file.name), wanted)
        self.assertEqual(aptsources.codename("/nonexistent"), "stable")
