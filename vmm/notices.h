/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which aborts people are told of: the first of each kind, and no more kinds than somebody reads. A guest
 * must not be able to flood standard error, whatever it does. Any thread.
 */
#ifndef VMM_NOTICES_H
#define VMM_NOTICES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <salvage/abort.h>

#include "tree.h"

#define VMM_NOTICES 64

struct vmm_notices {
	pthread_mutex_t lock;
	unsigned count;
	uint64_t untold; /* aborts of kinds that came after the last that was told */
	struct vmm_notice {
		enum sv_cause cause;
		enum sv_reason reason;
		enum sv_ending ending;
		char node[sizeof((struct place_region){0}.path)]; /* that the access was in, or "" */
	} told[VMM_NOTICES];
};

void vmm_notices_init(struct vmm_notices *notices);

/*
 * True if it is the first of its kind (same cause, reason, ending and, where the guest was told of something,
 * device-tree node), so that a line for people is worthwhile.
 */
bool vmm_notices_new(struct vmm_notices *notices, const struct sv_report *report);

#endif
