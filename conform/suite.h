/* SPDX-License-Identifier: BSD-2-Clause */
/* Running cases, what came out, and comparing that with what came out elsewhere. */
#ifndef CONFORM_SUITE_H
#define CONFORM_SUITE_H

#include <stdio.h>

#include <jansson.h>

#include "case.h"
#include "expect.h"

enum conform_verdict { CONFORM_OK, CONFORM_NOT_OK, CONFORM_SKIPPED };

/* One case. All is the outcome's own, to be freed with the results. */
struct conform_outcome {
	char *name;
	enum conform_verdict verdict;
	char *reason; /* of NOT_OK and SKIPPED; else NULL */
	char **lines;
	size_t count;
};

struct conform_results {
	struct conform_outcome *outcomes;
	size_t count;
	/* The file's other members: what it ran on. */
	json_t *about;
};

void conform_results_free(struct conform_results *results);

/*
 * Runs a case in a process of its own; it is over after CONFORM_SECONDS. The outcome is held against what is
 * expected: choices as in expect.h. False: no memory or no process.
 */
bool conform_run_case(const struct conform_case *row, const struct conform_backend *backend,
		      struct conform_choices *choices, struct conform_outcome *outcome);

/* Decides about an outcome's transcript: NOT_OK with a reason, unless it is as expected. */
void conform_judge(const struct conform_case *row, struct conform_choices *choices,
		   struct conform_outcome *outcome);

/* What the backend is: host, identification registers, capabilities. NULL with *why if it cannot be had. */
json_t *conform_describe(const struct conform_backend *backend, char why[512]);

/*
 * The result file. Reading: what is not one is refused, with *why; unknown members are kept. False: why has
 * the reason.
 */
bool conform_results_write(const struct conform_results *results, const char *path, char why[512]);
bool conform_results_read(struct conform_results *results, const char *path, char why[512]);

struct conform_comparison {
	size_t alike, explained, different;
	size_t alone; /* run on one of the two only */
};

/*
 * Line by line, cases by name. What differs is written to out; a difference is explained if both transcripts
 * are ones that the case allows.
 */
struct conform_comparison conform_compare(const struct conform_results *ours,
					  const struct conform_results *theirs, FILE *out);

#endif
