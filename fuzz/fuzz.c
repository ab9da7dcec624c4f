/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

void fuzz_fail(const char *file, int line, const char *what)
{
	dprintf(STDERR_FILENO, "%s:%d: broken: %s\n", file, line, what);
	abort();
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	claim(fd >= 0 && !ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

static struct fuzz_stream printed, complained;

static ssize_t count(void *opaque, const char *text, size_t size)
{
	struct fuzz_stream *stream = opaque;

	stream->bytes += size;
	for (size_t i = 0; i < size; i++)
		stream->lines += text[i] == '\n';
	if (size)
		stream->ended = text[size - 1] == '\n';
	return (ssize_t)size;
}

void fuzz_streams_begin(void)
{
	static bool replaced;

	if (!replaced) {
		const cookie_io_functions_t functions = {.write = count};

		stdout = fopencookie(&printed, "w", functions);
		stderr = fopencookie(&complained, "w", functions);
		claim(stdout && stderr);
		replaced = true;
	}
	fflush(stdout);
	fflush(stderr);
	printed = complained = (struct fuzz_stream){.ended = true};
}

struct fuzz_stream fuzz_printed(void)
{
	fflush(stdout);
	return printed;
}

struct fuzz_stream fuzz_complained(void)
{
	fflush(stderr);
	return complained;
}
