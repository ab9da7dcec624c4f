/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host asks this machine to do, as it put it into the initramfs (initramfs.py writes it). */
#ifndef JOB_H
#define JOB_H

#include <stdbool.h>

#define JOB_FILE "/.salvage/job"

/*
 * The file is a sequence of NUL-terminated strings: path, cwd, then four lists, each a decimal count and
 * as many strings: argv, environment, outputs, symbols. symbols: functions of this kernel at which the host's
 * debugger is to stop; with any, there is a port by which the command can talk to it.
 */
struct job {
	char *path, *cwd;
	char **argv, **env, **outputs, **symbols;
	unsigned output_count, symbol_count;
};

/* Reads the job for the life of the process. False, with errno set, if there is none or it is cut short. */
bool job_read(struct job *job, const char *file);

#endif
