# SPDX-License-Identifier: BSD-2-Clause
"""Reads the machine's own apt sources, to find the mirror and the keys it already trusts; see sources.list(5)."""

import glob
import os
import re

CODENAME = re.compile(r"^VERSION_CODENAME=\"?([a-z]+)\"?$", re.M)
CREDENTIALS = re.compile(r"//[^/@\s]*@")
ALIASES = ("stable", "testing", "unstable", "sid", "oldstable")


class Source:
    """One archive: uri, suites, components and what Signed-By says (a path, a fingerprint, a key block, or None)."""

    def __init__(self, uri, suites, components, signed_by=None):
        self.uri, self.suites, self.components, self.signed_by = uri, suites, components, signed_by

    @property
    def shown(self):
        """The uri without the name and password that it may hold."""
        return CREDENTIALS.sub("//", self.uri)

    def __eq__(self, other):
        return vars(self) == vars(other)

    def __repr__(self):
        return f"Source({self.uri!r}, {self.suites!r}, {self.components!r}, {self.signed_by!r})"


def parse_list(text):
    """The one-line format: deb [option=value ...] uri suite component..."""
    sources = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?([^\s#]+)\s+([^\s#]+)([^#]*)", line)
        if not match:
            continue
        options = dict(word.split("=", 1) for word in (match[1] or "").split() if "=" in word)
        sources.append(Source(match[2], [match[3]], match[4].split(), options.get("signed-by")))
    return sources


def parse_deb822(text):
    """Stanzas of fields; a field goes on in lines that begin with white space."""
    sources = []
    for stanza in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields, name = {}, None
        for line in stanza.split("\n"):
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t":
                if name:
                    fields[name] += "\n" + line
                continue
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        for uri in fields.get("uris", "").split():
            sources.append(Source(uri, fields.get("suites", "").split(), fields.get("components", "").split(),
                                  fields.get("signed-by")))
    return sources


def read(listfile, parts):
    """All sources of sources.list and of the directory beside it. What may not be read holds secrets: passed over."""
    names = [listfile] if listfile else []
    if parts:
        names += sorted(glob.glob(os.path.join(glob.escape(parts), "*.list")))
        names += sorted(glob.glob(os.path.join(glob.escape(parts), "*.sources")))
    sources = []
    for name in names:
        try:
            with open(name, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        sources += (parse_deb822 if name.endswith(".sources") else parse_list)(text)
    return sources


def codename(os_release="/etc/os-release"):
    try:
        with open(os_release, encoding="utf-8", errors="replace") as file:
            match = CODENAME.search(file.read())
    except OSError:
        match = None
    return match[1] if match else "stable"


def archives(sources, release):
    """The sources that are the distribution's own archive, likeliest first: other vendors use its suite names too."""
    found = []
    for source in sources:
        if "main" not in source.components or source.uri.startswith("cdrom:"):
            continue
        if release in source.suites or any(alias in source.suites for alias in ALIASES):
            found.append(source)
    official = re.compile(r"debian-archive|BEGIN PGP")
    named = re.compile(r"/debian/?$")
    found.sort(key=lambda s: (not named.search(s.uri), not official.search(s.signed_by or "")))
    return found
