/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CPU that plays a script in place of softkvm's own: each entry into the guest is one step of it. So KVM's
 * side can be shown every abort there is, also those that the model would never take.
 */
#ifndef SCRIPTED_CPU_H
#define SCRIPTED_CPU_H

#include "softkvm/soft.h"

struct scripted_step {
	enum soft_exit exit;
	uint64_t esr, far, ipa;
	/* Called before, if set: the guest's part. */
	void (*act)(struct soft_cpu *cpu, const struct soft_bus *bus);
	uint16_t immediate;
};

/* The steps that follow; after the last one the guest ends its turn at each entry. */
void scripted_play(const struct scripted_step *steps, size_t count);

/* Entries so far, of all CPUs since scripted_play. */
unsigned scripted_entries(void);

#endif
