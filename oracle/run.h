/* SPDX-License-Identifier: BSD-2-Clause */
/* A worker: one QEMU kept busy with cases, evenly over the rows. */
#ifndef RUN_H
#define RUN_H

#include "judge.h"

struct options {
	uint64_t cases, seed;
	unsigned workers, version;
	const char *qemu, *guest, *row, *compared;
	bool translate; /* the translation oracle instead (translate.h) */
	bool integer;   /* softkvm's CPU instead (integer.h) */
};

#define ROWS     2048
#define FAILURES 16
#define LINE     16384

struct results {
	uint64_t cases, mismatches; /* so far */
	struct figures row[ROWS];
	unsigned failures; /* kept: at most one of each kind a row */
	struct {
		unsigned row;
		const char *what;
		char line[LINE];
	} failure[FAILURES];
};

/* Runs in a process of its own. */
bool run_worker(const struct options *options, unsigned worker, struct results *results);

/* One case at a time, for the minimiser: no batch may be under way. */
struct verdict run_single(struct job *job, struct machine *machine, unsigned version);

/* Prints what the workers found; true if there is nothing wrong. */
bool report(const struct options *options, const char *version, const struct results *results);

#endif
