# SPDX-License-Identifier: BSD-2-Clause
"""A signed Debian archive of a few packages, served on the loopback interface, that can stall in the middle of a file."""

import functools
import gzip
import hashlib
import http.server
import os
import shutil
import subprocess
import tempfile
import threading
import urllib.parse

from test_image import IMAGE


def have_tools():
    """None, or why there can be no mirror."""
    for tool in ("apt-get", "dpkg-deb", "gpg", "gpgv"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    return None


def kernel_image(release):
    return IMAGE.replace(b"7.2.12+deb13-cloud-arm64", release.encode()) + os.urandom(100000)


class Mirror:
    def __init__(self):
        self.top = tempfile.mkdtemp()
        self.archive = os.path.join(self.top, "debian")
        self.home = os.path.join(self.top, "gnupg")
        os.mkdir(self.home, 0o700)
        os.mkdir(self.archive)
        self.asked = []                         # paths of the packages that were asked for
        self.stalled, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        self._gpg("--quick-gen-key", "mirror <mirror@example>", "ed25519", "sign", "never")
        self.key = os.path.join(self.top, "key.gpg")
        with open(self.key, "wb") as key:
            key.write(self._gpg("--export"))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, self, directory=self.top))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.sources = os.path.join(self.top, "sources.list")
        self.hook_ran = os.path.join(self.top, "hook-ran")
        self.write_sources(self.key)
        with open(os.path.join(self.top, "apt.conf"), "w", encoding="ascii") as conf:
            conf.write(f'Dir::Etc::sourcelist "{self.sources}";\nDir::Etc::sourceparts "/dev/null";\n'
                       'Acquire::http::Proxy::127.0.0.1 "DIRECT";\nAcquire::AllowInsecureRepositories "true";\n'
                       f'APT::Update::Post-Invoke-Success {{ "touch {self.hook_ran}"; }};\n')

    @property
    def uri(self):
        return f"http://127.0.0.1:{self.server.server_port}/debian"

    def write_sources(self, key):
        with open("/etc/os-release", encoding="utf-8") as release:
            names = [line.strip().split("=")[1].strip('"') for line in release if line.startswith("VERSION_CODENAME=")]
        self.own = names[0] if names else "stable"
        with open(self.sources, "w", encoding="ascii") as file:
            file.write(f"deb [signed-by={key}] {self.uri} {self.own} main\n")

    def environment(self, cache):
        return {"PATH": os.environ["PATH"], "HOME": self.top, "SALVAGE_CACHE": cache, "APT_CONFIG": os.path.join(self.top, "apt.conf")}

    def _gpg(self, *arguments, data=None):
        command = ["gpg", "--homedir", self.home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", *arguments]
        return subprocess.run(command, input=data, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def package(self, name, version, files, architecture="arm64", needs=""):
        """Builds a .deb in the pool; returns its stanza for suite()."""
        with tempfile.TemporaryDirectory(dir=self.top) as root:
            os.makedirs(os.path.join(root, "DEBIAN"))
            control = f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: x <x@example>\nDescription: kernel\n"
            control += f"Depends: {needs}\n" if needs else ""
            with open(os.path.join(root, "DEBIAN/control"), "w", encoding="ascii") as file:
                file.write(control)
            for path, data in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "wb") as file:
                    file.write(data)
                os.chmod(os.path.join(root, path), 0o755)
            pool = os.path.join(self.archive, "pool")
            os.makedirs(pool, exist_ok=True)
            deb = os.path.join(pool, f"{name}_{version.replace(':', '%3a')}_{architecture}.deb")
            subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", root, deb], check=True, stdout=subprocess.DEVNULL)
        with open(deb, "rb") as file:
            data = file.read()
        return control + f"Filename: pool/{os.path.basename(deb)}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"

    def kernel(self, name, version, data):
        return self.package(name, version, {f"usr/lib/modules/{name}/vmlinuz": data})

    def suite(self, name, *stanzas, signed=True, architecture="arm64"):
        """Publishes a suite of these packages."""
        top = os.path.join(self.archive, "dists", name)
        shutil.rmtree(top, ignore_errors=True)
        where = f"main/binary-{architecture}"
        os.makedirs(os.path.join(top, where))
        packages = "\n".join(stanzas).encode()
        listed = ""
        for path, data in ((where + "/Packages", packages), (where + "/Packages.gz", gzip.compress(packages))):
            with open(os.path.join(top, path), "wb") as file:
                file.write(data)
            listed += f" {hashlib.sha256(data).hexdigest()} {len(data)} {path}\n"
        release = (f"Origin: Debian\nSuite: {name}\nCodename: {name}\nDate: Thu, 01 Jan 2026 00:00:00 UTC\n"
                   f"Architectures: {architecture}\nComponents: main\nSHA256:\n{listed}").encode()
        with open(os.path.join(top, "InRelease" if signed else "Release"), "wb") as file:
            file.write(self._gpg("--clearsign", data=release) if signed else release)

    def clear(self):
        shutil.rmtree(self.archive, ignore_errors=True)
        os.mkdir(self.archive)
        self.asked.clear()
        self.stalled.clear()
        self.go_on.set()
        self.write_sources(self.key)

    def close(self):
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.top, ignore_errors=True)


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, mirror, *arguments, **options):
        self.mirror = mirror
        super().__init__(*arguments, **options)

    def log_message(self, *arguments):
        pass

    def copyfile(self, source, outputfile):
        if not self.path.endswith(".deb"):
            super().copyfile(source, outputfile)
            return
        self.mirror.asked.append(urllib.parse.unquote(os.path.basename(self.path)))
        data = source.read()
        try:
            outputfile.write(data[:len(data) // 2])
            outputfile.flush()
            self.mirror.stalled.set()
            self.mirror.go_on.wait()
            outputfile.write(data[len(data) // 2:])
        except ConnectionError:
            pass
