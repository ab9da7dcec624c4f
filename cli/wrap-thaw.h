/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages of the VMM's process, whose memory they were in: it may be dying, or be in a guest's hands, and change
 * what was looked at. So each is copied once, and in the copy made what a message can be.
 */
#ifndef CLI_WRAP_THAW_H
#define CLI_WRAP_THAW_H

#include <salvage/space.h>

#include "../shim/channel.h"

/* A message of our own: strings end and are printable, and what is true is 1. */
void wrap_thaw(struct shim_message *to, const struct shim_message *from);

/* A report with pointers of this process again, all of them into this. */
struct wrap_report {
	struct sv_report report;
	struct sv_rule rule;
	struct sv_region region, regions[2];
	struct shim_place places[2];
	struct sv_space space;
};

/* from is of a message that was thawed. */
void wrap_thaw_report(struct wrap_report *to, const struct shim_report *from);

/* Ends a string in size bytes, and takes out of it what a terminal or JSON would take amiss. */
void wrap_printable(char *text, size_t size);

#endif
