# SPDX-License-Identifier: BSD-2-Clause
"""Which kernel package is taken."""

import unittest

import kernel
import packages

BPO = "trixie-backports"


def sort(pairs):
    return sorted(pairs, key=lambda pair: (packages.newest_first(pair[1]), pair[0]))


class Choice(unittest.TestCase):
    def choose(self, *pairs, wanted=kernel.WANTED):
        return [name for name, _ in kernel.candidates(sort(pairs), wanted)]

    def test_newest_version_first_not_last_in_the_alphabet(self):
        self.assertEqual(self.choose(
            ("linux-binary-7.2.9+deb13-cloud-arm64", "7.2.9-1~bpo13+1"),
            ("linux-binary-7.2.12+deb13-cloud-arm64", "7.2.12-1~bpo13+1"),
            ("linux-binary-7.0.13+deb13-cloud-arm64", "7.0.13-1~bpo13+1")),
            ["linux-binary-7.2.12+deb13-cloud-arm64", "linux-binary-7.2.9+deb13-cloud-arm64",
             "linux-binary-7.0.13+deb13-cloud-arm64"])

    def test_the_package_that_holds_the_kernel_before_the_one_that_depends_on_it(self):
        self.assertEqual(self.choose(
            ("linux-image-7.2.12+deb13-cloud-arm64", "7.2.12-1"), ("linux-binary-7.2.12+deb13-cloud-arm64", "7.2.12-1")),
            ["linux-binary-7.2.12+deb13-cloud-arm64", "linux-image-7.2.12+deb13-cloud-arm64"])

    def test_signed_before_unsigned(self):
        self.assertEqual(self.choose(
            ("linux-image-6.19.1-cloud-arm64-unsigned", "6.19.1-1"), ("linux-image-6.19.1-cloud-arm64", "6.19.1-1")),
            ["linux-image-6.19.1-cloud-arm64", "linux-image-6.19.1-cloud-arm64-unsigned"])

    def test_what_is_not_suitable(self):
        for name in ("linux-image-6.18.15+deb13-cloud-arm64", "linux-image-6.1.0-50-cloud-arm64", "linux-image-6.2-cloud-arm64",
                     "linux-image-7.2.12+deb13-cloud-arm64-dbg", "linux-image-cloud-arm64", "linux-image-7.2.12-arm64",
                     "linux-binary-unsigned-7.3.4+deb13-cloud-arm64", "linux-headers-7.2.12-cloud-arm64",
                     "linux-modules-7.2.12+deb13-cloud-arm64", "linux-image-7.2.12-cloud-amd64"):
            with self.subTest(name):
                self.assertEqual(self.choose((name, "1")), [])

    def test_6_19_is_the_first(self):
        self.assertEqual(self.choose(("linux-image-6.19+deb13-cloud-arm64", "6.19-1")), ["linux-image-6.19+deb13-cloud-arm64"])

    def test_without_a_wish_any_version_will_do(self):
        self.assertEqual(self.choose(
            ("linux-image-6.1.0-47-cloud-arm64", "6.1.170-3"), ("linux-image-6.1.0-50-cloud-arm64", "6.1.176-1"), wanted=()),
            ["linux-image-6.1.0-50-cloud-arm64", "linux-image-6.1.0-47-cloud-arm64"])

    def test_versions_are_compared_as_debian_does(self):
        self.assertEqual([v for _, v in sort((("a", "7.2~rc1-1"), ("a", "7.2-1"), ("a", "7.2-1~bpo13+1"), ("a", "1:1")))],
                         ["1:1", "7.2-1", "7.2-1~bpo13+1", "7.2~rc1-1"])

    def test_suites(self):
        for release, wanted in (("bookworm", [BPO, "sid", "bookworm-backports", "bookworm"]),
                                ("trixie", [BPO, "sid", "trixie"]), ("forky", [BPO, "sid", "forky-backports", "forky"]),
                                ("sid", [BPO, "sid"])):
            with self.subTest(release):
                self.assertEqual(kernel.suites(release), wanted)
