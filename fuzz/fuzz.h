/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every target includes: the entry point that libFuzzer and AFL++ call, what a target says of a broken
 * claim, and a reader of its input. One thread.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* The target. Always 0; what is wrong ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Prints where and what on standard error, whatever has become of stderr, and aborts. */
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/* A claim, like assert, that no build option takes out. */
#define claim(condition)                                           \
	do {                                                       \
		if (__builtin_expect(!(condition), 0))             \
			fuzz_fail(__FILE__, __LINE__, #condition); \
	} while (0)

/* What of the input is left. Past its end everything is 0, so that a short input is a whole one. */
struct fuzz_input {
	const uint8_t *at, *end;
};

static inline size_t fuzz_left(const struct fuzz_input *input)
{
	return (size_t)(input->end - input->at);
}

/* The next bytes, 1 to 8, the least significant first. */
static inline uint64_t fuzz_take(struct fuzz_input *input, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && input->at < input->end; i++)
		value |= (uint64_t)*input->at++ << 8 * i;
	return value;
}

/* The next length bytes, or fewer; the caller's until the input is gone. */
static inline const uint8_t *fuzz_bytes(struct fuzz_input *input, size_t *length)
{
	const uint8_t *at = input->at;

	if (*length > fuzz_left(input))
		*length = fuzz_left(input);
	input->at += *length;
	return at;
}

/* Values that nothing chose, always the same for the same place. */
static inline uint64_t fuzz_noise(uint64_t seed, uint64_t place)
{
	uint64_t z = seed + (place + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* A file of these bytes, for code that wants a path. Good until the next call; never null. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* What came out on a standard stream. */
struct fuzz_stream {
	size_t bytes, lines;
	bool ended; /* it is empty, or ends with a line */
};

/* Puts counters in the place of stdout and stderr, or begins to count anew. */
void fuzz_streams_begin(void);

/* What was printed since then. */
struct fuzz_stream fuzz_printed(void);
struct fuzz_stream fuzz_complained(void);

#endif
