/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory for a test's files, on a real file system, and errors to put into journals. */
#ifndef TESTS_RAS_FILES_H
#define TESTS_RAS_FILES_H

#include <salvage/ras.h>

#include "support/check.h"

struct files {
	char directory[64], journal[80], ledger[80];
};

/* Removed with everything in it by files_remove. */
void files_make(struct files *files);

/* The same in memory, for tests that are about bytes and not about disks. */
void files_make_fast(struct files *files);

void files_remove(const struct files *files);

/* How many names in the directory begin with prefix. */
unsigned files_count(const struct files *files, const char *prefix);

void files_copy(const char *from, const char *to);

/* An error of source sea-data at gpa, whose time is gpa too, so that records say which they are. */
struct sv_memory_error error_at(uint64_t gpa);

/* Opens, and fails the test if that fails. boot fills the start's identity; 0: a new one. */
struct sv_ras *ras_at(const char *journal, uint8_t boot, uint32_t max_pages, struct sv_ras_opening *opening);

struct sv_ras_answer record_at(struct sv_ras *ras, uint64_t gpa);

#endif
