# SPDX-License-Identifier: BSD-2-Clause
"""A private package root: packages of any suite of the machine's own mirror, checked by apt, nothing installed."""

import functools
import glob
import os
import re
import shutil

import aptsources
import process
from errors import UNAVAILABLE, LabError, one_line

# The machine's hooks are for its own lists, and its exceptions to signing are not for us.
CONFIG = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architecture "ARCHITECTURE";
#clear APT::Architectures;
APT::Architectures "ARCHITECTURE";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Dir::State "ROOT/state";
Dir::State::lists "ROOT/lists";
Dir::State::status "ROOT/status";
Dir::Cache "ROOT/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "ROOT/sources";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
"""

UNREACHABLE = re.compile("Could not (connect|resolve)|Unable to connect|Connection (failed|timed out)|Temporary failure")
OTHERWISE = "give a kernel with --kernel=IMAGE or DEB, a QEMU with --qemu=PROGRAM"


class NotFound(Exception):
    """What this mirror does not have; the text is apt's reason."""


class Unreachable(NotFound):
    """The mirror does not answer: asking it for more would only take time."""


def need_tools(otherwise=OTHERWISE):
    for tool in ("apt-get", "apt-cache", "apt-config", "dpkg", "dpkg-deb"):
        if not shutil.which(tool):
            raise LabError(UNAVAILABLE, tool, f"is not installed, so nothing can be fetched; {otherwise}")


class Deb:
    """A package that apt would fetch: its file's name and size in bytes."""

    def __init__(self, name, size):
        self.name, self.size = name, size


def mirrors(otherwise=OTHERWISE):
    """The distribution's archives that this machine's apt is configured with. otherwise: what to do where there are none."""
    need_tools(otherwise)
    names = ["list", "Dir::Etc::sourcelist/f", "parts", "Dir::Etc::sourceparts/d"]
    _, out, _ = process.run(["apt-config", "shell", *names])
    values = dict(re.findall(r"^(\w+)='(.*)'$", out, re.M))
    found = aptsources.archives(aptsources.read(values.get("list"), values.get("parts")), aptsources.codename())
    if not found:
        raise LabError(UNAVAILABLE, "apt sources", f"name no Debian archive to fetch from; {otherwise}")
    return found


class Root:
    """The private root of one suite on one mirror, or of several separated by spaces, in a directory that the caller removes."""

    def __init__(self, directory, source, suite, architecture="arm64", installed=""):
        """installed: what apt takes to be installed, as in dpkg's status file."""
        if not re.fullmatch(r"[^\"\\;{}#\n]+", directory):
            raise LabError(UNAVAILABLE, directory, "apt cannot work under such a name; set SALVAGE_CACHE to another")
        self.directory, self.source, self.suite = directory, source, suite
        for name in ("state", "lists/partial", "cache/archives/partial", "sources", "debs"):
            os.makedirs(os.path.join(directory, name), exist_ok=True)
        self._write("status", installed)
        self._write("apt.conf", CONFIG.replace("ROOT", directory).replace("ARCHITECTURE", architecture))
        stanza = f"Types: deb\nURIs: {source.uri}\nSuites: {suite}\nComponents: main\nArchitectures: {architecture}\n"
        if source.signed_by:
            stanza += f"Signed-By: {source.signed_by}\n"
        self._write("sources/suite.sources", stanza)

    def _write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
            file.write(text)

    def _apt(self, tool, *arguments, cwd=None):
        config = os.path.join(self.directory, "apt.conf")
        environment = dict(os.environ, LC_ALL="C")
        return process.run([tool, "-c", config, "-q", *arguments], cwd=cwd, env=environment)

    def update(self):
        status, out, err = self._apt("apt-get", "update")
        if status:
            reason = _reason(err or out)
            raise (Unreachable if UNREACHABLE.search(reason) else NotFound)(reason)

    def versions(self, pattern):
        """(package, version) of every package whose name matches the regular expression, newest version first."""
        _, out, _ = self._apt("apt-cache", "search", "--names-only", pattern)
        names = [line.split(" ", 1)[0] for line in out.splitlines() if line]
        if not names:
            return []
        _, out, _ = self._apt("apt-cache", "show", *names)
        found = re.findall(r"^Package: (\S+)$.*?^Version: (\S+)$", out, re.M | re.S)
        return sorted(set(found), key=lambda pair: (newest_first(pair[1]), pair[0]))

    def download(self, package, version):
        """Returns the path of the .deb; apt has compared it with its signed index."""
        debs = os.path.join(self.directory, "debs")
        status, out, err = self._apt("apt-get", "download", f"{package}={version}", cwd=debs)
        names = [name for name in os.listdir(debs) if name.startswith(f"{package}_") and name.endswith(".deb")]
        if status or len(names) != 1:
            raise NotFound(_reason(err or out))
        return os.path.join(debs, names[0])


    def _install(self, *arguments):
        """What apt-get install says, with as much as it can of the first suite."""
        status, out, err = self._apt("apt-get", "install", "--yes", "--no-install-recommends", "--target-release",
                                     self.suite.split()[0], *arguments)
        if status:
            raise NotFound(_reason(err or out))
        return out

    def download_all(self, *wanted):
        """Paths of the .debs of packages (NAME, NAME=VERSION or NAME/SUITE) and of all they need that is not installed."""
        self._install("--download-only", *wanted)
        return sorted(glob.glob(os.path.join(glob.escape(self.directory), "cache", "archives", "*.deb")))

    def needed(self, *wanted):
        """The Debs that download_all would fetch, by name."""
        # 'URI' NAME SIZE [CHECKSUM]
        found = re.findall(r"^'\S+' (\S+\.deb) (\d+)", self._install("--print-uris", *wanted), re.M)
        return sorted((Deb(name, int(size)) for name, size in found), key=lambda deb: deb.name)


def _reason(text):
    """The first complaint of apt, on one line."""
    complaints = [line[3:] for line in text.splitlines() if line.startswith("E: ")]
    return one_line(aptsources.CREDENTIALS.sub("//", (complaints or text.splitlines()[-1:] or ["apt failed"])[0]))


def compare(a, b):
    """Debian's order of versions, from dpkg itself."""
    if a == b:
        return 0
    return -1 if process.run(["dpkg", "--compare-versions", a, "lt", b])[0] == 0 else 1


newest_first = functools.cmp_to_key(lambda a, b: compare(b, a))
