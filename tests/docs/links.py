#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every link of the pages named leads somewhere: the file is there, and what a fragment names occurs in it.

usage: links.py ROOT [PAGE...]

Without pages it is all of the tree's, but for what a build directory or a hidden one holds.

A link to a page of another site is not followed. A fragment is a heading of a page in Markdown, and of C a function, structure or
enumeration, and in a file of cmocka's tests one that its main runs.
"""
import os
import re
import sys

LINK = re.compile(r'\[[^]\[]*\]\(([^()\s]+)\)')
FENCE = re.compile(r'^(```.*?^```|\t[^\n]*)$', re.S | re.M)
COMMENT = re.compile(r'/\*.*?\*/', re.S)
CMOCKA = re.compile(r'cmocka_unit_test(?:_\w+)?\(\s*(\w+)')


def headings(text):
    for line in re.findall(r'^#+ +(.*)$', text, re.M):
        yield re.sub(r'[^\w\- ]', '', line.lower()).replace(' ', '-')


def complaint(path, fragment):
    """What is wrong with a link, or None."""
    if not os.path.exists(path):
        return 'no such file'
    if not fragment:
        return None
    with open(path, encoding='utf-8') as file:
        text = file.read()
    if path.endswith('.md'):
        return None if fragment in headings(text) else 'no such heading'
    tests = CMOCKA.findall(text)
    if tests:
        return None if fragment in tests else 'no such test'
    name, code = re.escape(fragment), COMMENT.sub('', text)
    return None if re.search(rf'\b{name}\(|\b(struct|enum) {name}\b', code) else 'no such name'


def check(root, page):
    """Complaints about a page, and the number of its links."""
    with open(page, encoding='utf-8') as file:
        text = FENCE.sub('', file.read())
    found, bad = LINK.findall(text), []
    for link in found:
        if '://' in link:
            continue
        target, _, fragment = link.partition('#')
        path = os.path.normpath(os.path.join(os.path.dirname(page), target)) if target else page
        why = complaint(path, fragment)
        if not why and os.path.relpath(path, root).startswith('..'):
            why = 'outside of the project'
        if why:
            bad.append(f'{os.path.relpath(page, root)}: {link}: {why}')
    return bad, len(found)


def all_pages(root):
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if not name.startswith('.')
                    and not os.path.exists(os.path.join(directory, name, 'build.ninja'))]
        yield from (os.path.join(directory, name) for name in files if name.endswith('.md'))


def main(root, *pages):
    root = os.path.abspath(root)
    pages = pages or sorted(all_pages(root))
    print(f'1..{len(pages)}')
    failed = False
    for number, page in enumerate(pages, 1):
        bad, count = check(root, os.path.abspath(page))
        name = os.path.relpath(page, root)
        if name == os.path.join('docs', 'vmm-contract.md') and count < 60:
            bad.append(f'{name}: only {count} links were found')
        print(f'{"not ok" if bad else "ok"} {number} {name} ({count} links)')
        for line in bad:
            print(f'# {line}')
        failed = failed or bool(bad)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
