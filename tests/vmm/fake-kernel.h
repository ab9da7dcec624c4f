/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel that plays a script: the VMM's requests are counted and checked, KVM_RUN returns what the script
 * says.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <pthread.h>
#include <stdatomic.h>

#include "kernel.h"

#define FAKE_VCPUS 4

struct fake_kernel;

/*
 * One KVM_RUN: its return value, and what it leaves in the shared page. look looks at what the VMM made of
 * the exit before this one. A script ends with BLOCK: KVM_RUN then waits as the real one does, for a signal.
 */
struct fake_run {
	int rc;
	uint32_t reason;
	void (*fill)(struct sv_kvm_run *run);
	void (*look)(struct fake_kernel *kernel, const struct sv_kvm_run *run);
};

#define FAKE_BLOCK 1000

struct fake_kernel {
	const struct fake_run *script[FAKE_VCPUS];
	unsigned at[FAKE_VCPUS];
	struct sv_kvm_run *run[FAKE_VCPUS];
	uint32_t features[FAKE_VCPUS];
	uint64_t ram_host, ram_size;

	/* What it has not, by capability; and the request that fails, counted from 0, with this error. */
	uint32_t without[4];
	int ipa_bits, gic_error, nisv_error;
	int fail_at, fail_error;

	atomic_int requests, open_fds, mappings, injections, serrors, nisv_enabled, mte_enabled, sea_enabled;
	atomic_int lines_high, lines_low;
	pthread_mutex_t lock;
	struct {
		uint64_t id, value;
	} regs[FAKE_VCPUS][80];
	unsigned reg_count[FAKE_VCPUS];

	/*
	 * The vGIC: by group and attr; accesses, those that came while a vCPU was in KVM_RUN, and an error.
	 */
	struct {
		uint32_t group, value;
		uint64_t attr;
	} gic_regs[16];
	unsigned gic_reg_count;
	atomic_int inside, gic_accesses, gic_busy;
	int gic_attr_error;
};

/* The backend, to be freed. fail_at is -1 and nothing is missing. */
struct vmm_kernel fake_kernel(struct fake_kernel *kernel);

uint32_t *fake_gic_register(struct fake_kernel *kernel, uint32_t group, uint64_t attr);

uint64_t *fake_register(struct fake_kernel *kernel, unsigned vcpu, uint64_t id);

#endif
