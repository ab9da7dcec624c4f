/* SPDX-License-Identifier: BSD-2-Clause */
/* salvage conform, among its own files. */
#ifndef CLI_CONFORM_H
#define CLI_CONFORM_H

#include <stdbool.h>

#include <expect.h>

enum conform_where { CONFORM_AUTO, CONFORM_KVM, CONFORM_SOFT, CONFORM_LAB };

struct conform_options {
	enum conform_where where;
	const char *results, *compare, *from;
	const char *kernel, *qemu, *cpu; /* of the laboratory */
	/* FAMILY=MEMBER, of those that cases name. */
	const char *behaviours[CONFORM_FAMILIES];
	int behaviour_count;
	bool list, verbose, poison, help;
	/* Patterns of cases' names: the command line's. */
	char **names;
	int count;
};

/* names must have room for argc. 0, or the exit status after an error line. */
int conform_options_parse(int argc, char **argv, struct conform_options *options);

/* Whether a case is among those named; all are if none is. */
bool conform_options_name(const struct conform_options *options, const char *name);

/* The same command line in the laboratory, whose process takes this one's place. */
int conform_in_lab(const struct conform_options *options);

#endif
