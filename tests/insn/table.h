/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the tables of cases: columns two or more spaces apart, "#" begins a comment line. */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <salvage/insn.h>

#define COLUMNS 8

struct table {
	FILE *file;
	char line[8192], where[64]; /* line: four of the longest vectors; where: for messages */
	char *column[COLUMNS];      /* "" where the line has no more */
	unsigned number;
};

/* argv[1] is the path; fails the test if it cannot be opened. */
void table_open(struct table *table, const char *path);

/*
 * The next case; false at the end, where the file is closed. A line too long or of too many columns fails
 * the test.
 */
bool table_next(struct table *table);

/* Parses a whole string as hexadecimal ("0x" optional) or fails the test. */
uint64_t table_hex(const struct table *table, const char *text);

/*
 * Splits "NAME=VALUE" or "NAME" off a list separated by blanks; NULL at the end. value is "" if there is
 * none.
 */
char *table_token(char **list, char **value);

/* The row with this encoding name, or the test fails. */
const struct sv_row *table_row(const struct table *table, const char *name);

#endif
