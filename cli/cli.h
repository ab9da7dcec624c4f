/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands share: exit statuses, error lines, number parsing. */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Exit statuses of salvage run; 0-99 are the guest's own. Other commands use USAGE, UNAVAILABLE and
 * INTERNAL.
 */
enum cli_status {
	CLI_USAGE = 100,
	CLI_UNAVAILABLE = 101,
	CLI_IMAGE = 102,
	CLI_STOPPED = 103,
	CLI_RESTART = 104,
	CLI_KERNEL = 105,
	CLI_INTERNAL = 106,
	CLI_RESET = 107,
	CLI_TIMEOUT = 108,
};

/* Prints "salvage: what: why" on standard error, one line; why names the remedy. Returns status. */
int cli_fail(int status, const char *what, const char *why, ...) __attribute__((format(printf, 3, 4)));

/* The whole of text as an unsigned number: 0x for hexadecimal, else decimal. False if it is anything else. */
bool cli_number(const char *text, uint64_t *value);

/* The same in hexadecimal with or without 0x, as opcodes and syndromes are written. */
bool cli_hex(const char *text, uint64_t *value);

/* The same with an optional K, M, G or T (powers of 1024) behind it. */
bool cli_size(const char *text, uint64_t *value);

/*
 * A command: argv[0] is its name, the rest its arguments; returns the exit status. summary is what
 * "salvage --help" prints.
 */
struct cli_command {
	const char *name, *summary;
	int (*main)(int argc, char **argv);
};

int cli_run(int argc, char **argv);
int cli_decode(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_lint(int argc, char **argv);
int cli_lab(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_ledger(int argc, char **argv);
int cli_conform(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_wrap(int argc, char **argv);

/*
 * Finds a file that belongs to salvage: beside the command in a build tree (build/NAME, or SOURCE/NAME),
 * else where it is installed. name is relative, e.g. "arm64/salvage" or "lab/lab.py". Returns a path to be
 * freed, or NULL with errno set.
 */
char *cli_resource(const char *name);

/*
 * The first of names that is there: relative ones as above, absolute ones as they are. To be freed; NULL:
 * none.
 */
char *cli_first_resource(const char *const *names, size_t count);

#endif
