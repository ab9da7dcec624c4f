/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of "salvage wrap" share. */
#ifndef CLI_WRAP_H
#define CLI_WRAP_H

#include <sys/types.h>

#include <salvage/policy.h>

#include "../shim/channel.h"

struct wrap_options {
	struct sv_policy policy;
	const char *events; /* file, "-" or NULL */
	const char *ledger; /* file or NULL */
	const char *name;   /* of the VM, or NULL */
	bool verbose;
	char **vmm; /* its argv */
	bool help;
};

/* 0, or the exit status after an error line. */
int wrap_options_parse(int argc, char **argv, struct wrap_options *options);
void wrap_options_free(struct wrap_options *options);

/*
 * Whether the program can be wrapped: 0, with its path in *path (to be freed), or the exit status after an
 * error line that names the remedy.
 */
int wrap_check(const char *program, char **path);

/*
 * Starts the helper, which outlives this call and the VMM, and is no child of it. life is the pipe that ends
 * with the VMM's family, vmm the PID that the VMM will have: our own. 0 when it is ready, or the exit status
 * after an error line.
 */
int wrap_helper_start(const struct wrap_options *options, struct shim_channel *channel, int life, pid_t vmm);

/* The helper's work, in its process: returns when the VMM's family has ended. ready is told how it began. */
void wrap_helper(const struct wrap_options *options, struct shim_channel *channel, int life, pid_t vmm,
		 int ready);

#endif
