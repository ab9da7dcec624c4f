# SPDX-License-Identifier: BSD-2-Clause
"""The frames between guest and host. The guest's side is C; the end-to-end tests run it."""

import random
import unittest

import link
from link import SERIAL_BEGINS, Parser, SerialSplitter, frame, number


def parse(data, step=None):
    parser, found = Parser(), []
    for start in range(0, len(data), step or len(data) or 1):
        parser.feed(data[start:start + (step or len(data))])
        found += list(parser)
    return found


STREAM = frame(link.HELLO, b"a=1\n") + frame(link.STDOUT, bytes(range(256))) + frame(link.STDERR) + frame(link.EXIT, number(3))
FRAMES = [(link.HELLO, b"a=1\n"), (link.STDOUT, bytes(range(256))), (link.STDERR, b""), (link.EXIT, 3)]


class Frames(unittest.TestCase):
    def test_in_pieces_of_any_size(self):
        for step in (1, 2, 3, 7, 8, 9, 64, len(STREAM)):
            with self.subTest(step):
                self.assertEqual(parse(STREAM, step), FRAMES)

    def test_no_frame(self):
        for name, data in (("magic", b"XV" + bytes(6)), ("length", b"SVo\0" + number(link.MAX + 1)),
                           ("short number", frame(link.EXIT, b"\0\0")), ("long number", frame(link.WANT, bytes(5)))):
            with self.subTest(name), self.assertRaises(link.Broken):
                parse(data)

    def test_the_largest(self):
        self.assertEqual(parse(frame(link.STDOUT, bytes(link.MAX))), [(link.STDOUT, bytes(link.MAX))])

    def test_noise_never_does_more_than_break_the_link(self):
        rng = random.Random(2)
        for _ in range(2000):
            data = bytearray(STREAM)
            for _ in range(rng.randrange(1, 5)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            try:
                parse(bytes(data), rng.choice((1, 5, 4096)))
            except link.Broken:
                pass


class Serial(unittest.TestCase):
    def test_text_before_the_mark_is_the_console(self):
        data = b"[    0.0] Booting\r\n" + SERIAL_BEGINS + STREAM
        for step in (1, 5, 17, len(data)):
            splitter, text, frames = SerialSplitter(), b"", b""
            for start in range(0, len(data), step):
                console, rest = splitter.split(data[start:start + step])
                text, frames = text + console, frames + rest
            with self.subTest(step):
                self.assertEqual((text, frames, splitter.linked), (b"[    0.0] Booting\r\n", STREAM, True))

    def test_half_a_mark_is_text(self):
        splitter = SerialSplitter()
        text = b"".join(splitter.split(part)[0] for part in (b"x\x01\x02salv", b"age of a ship" + bytes(40)))
        self.assertTrue(text.startswith(b"x\x01\x02salvage of a ship"))
        self.assertFalse(splitter.linked)
