/* SPDX-License-Identifier: BSD-2-Clause */
/* A journal's file from an input: whole to begin with, then damaged, and its checksums mended or not. */
#ifndef FUZZ_JOURNAL_FILE_H
#define FUZZ_JOURNAL_FILE_H

#include "fuzz.h"

#define JOURNAL_FILE_MAX 16384

struct fuzz_journal {
	size_t size;
	uint8_t bytes[JOURNAL_FILE_MAX];
};

void fuzz_journal_take(struct fuzz_journal *journal, struct fuzz_input *input);

#endif
