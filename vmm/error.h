/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What went wrong, for the command to print as "salvage: run: TEXT", and the exit status that goes with it.
 */
#ifndef VMM_ERROR_H
#define VMM_ERROR_H

#include <stdbool.h>

/* The exit statuses the VMM itself gives; 0-99 are the guest's own. */
enum vmm_status {
	VMM_GUEST_MAX = 99,
	VMM_USAGE = 100,
	VMM_UNAVAILABLE = 101,
	VMM_IMAGE = 102,
	VMM_STOPPED = 103,
	VMM_RESTART = 104,
	VMM_KERNEL = 105,
	VMM_INTERNAL = 106,
	VMM_RESET = 107,
	VMM_TIMEOUT = 108,
	VMM_SIGNAL = 128, /* plus the signal's number */
};

struct vmm_error {
	int status;
	char text[512];
};

/* Fills *error; always false, so that callers can return it. */
bool vmm_fail(struct vmm_error *error, int status, const char *text, ...)
	__attribute__((format(printf, 3, 4)));

#endif
