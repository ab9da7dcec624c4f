/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SIGBUS as a report of bad memory. The handler notes and nothing else; who asks is told later. What is noted
 * for a vCPU is its thread's own business and needs no atomics: the handler adds only while the thread is in
 * KVM_RUN, the thread looks only outside of it.
 */
#include <signal.h>
#include <stdatomic.h>

#include <salvage/kvm.h>

#include "uapi.h"
#include "vcpu.h"

/* The vCPU whose KVM_RUN this thread is in. Initial-exec as in guard.c: a handler must not allocate. */
static __thread struct sv_kvm_vcpu *volatile running __attribute__((tls_model("initial-exec")));

static atomic_bool watching;

/* Early warnings, of any thread and for any: a slot belongs to whoever moved it out of FREE or FULL. */
enum { FREE, BUSY, FULL };

#define WARNINGS 64

static struct {
	atomic_uint state;
	uintptr_t address;
} warnings[WARNINGS];
static atomic_ullong warnings_lost;
static atomic_uint warnings_kept;

/* Handlers may only use atomics that are lock-free (C11, 7.14.1.1). */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_BOOL_LOCK_FREE == 2,
	       "signal handlers need lock-free atomics");

static bool take(unsigned slot, unsigned from)
{
	return atomic_compare_exchange_strong_explicit(&warnings[slot].state, &from, BUSY,
						       memory_order_acquire, memory_order_relaxed);
}

static void give(unsigned slot, unsigned state)
{
	atomic_store_explicit(&warnings[slot].state, state, memory_order_release);
}

static void warn(uintptr_t address)
{
	for (unsigned i = 0; i < WARNINGS; i++) {
		if (!take(i, FREE))
			continue;
		warnings[i].address = address;
		give(i, FULL);
		atomic_fetch_add_explicit(&warnings_kept, 1, memory_order_release);
		return;
	}
	atomic_fetch_add_explicit(&warnings_lost, 1, memory_order_relaxed);
}

static void note(struct sv_kvm_vcpu *vcpu, const siginfo_t *info)
{
	if (vcpu->note_count == SV_KVM_NOTES) {
		vcpu->notes_lost++;
		return;
	}
	vcpu->notes[vcpu->note_count].address = (uintptr_t)info->si_addr;
	vcpu->notes[vcpu->note_count].lsb = (uint8_t)info->si_addr_lsb;
	vcpu->note_count++;
}

bool sv_kvm_note(const siginfo_t *info, bool *shared)
{
	struct sv_kvm_vcpu *vcpu = running;

	*shared = info->si_code == BUS_MCEERR_AO;
	if (!atomic_load_explicit(&watching, memory_order_relaxed))
		return false;
	if (info->si_code == BUS_MCEERR_AR && vcpu) {
		note(vcpu, info);
		return true;
	}
	if (*shared)
		warn((uintptr_t)info->si_addr);
	return *shared;
}

enum sv_status sv_kvm_watch(void)
{
	enum sv_status status = sv_kvm_guard();

	if (status == SV_OK)
		atomic_store(&watching, true);
	return status;
}

void sv_kvm_enter(struct sv_kvm_vcpu *vcpu)
{
	vcpu->note_count = vcpu->note_next = 0;
	vcpu->looked = vcpu->at_abort = vcpu->answered = false;
	atomic_signal_fence(memory_order_seq_cst);
	running = vcpu;
}

void sv_kvm_leave(struct sv_kvm_vcpu *vcpu)
{
	running = NULL;
	atomic_signal_fence(memory_order_seq_cst);
}

int sv_kvm_run(struct sv_kvm_vcpu *vcpu)
{
	int rc;

	sv_kvm_enter(vcpu);
	rc = vcpu->backend->ioctl(vcpu->backend->opaque, vcpu->fd, SV_KVM_RUN, NULL);
	sv_kvm_leave(vcpu);
	return rc;
}

bool sv_kvm_warning(const struct sv_space *space, struct sv_memory_error *record)
{
	for (unsigned i = 0; i < WARNINGS; i++) {
		uintptr_t address;
		uint64_t gpa = 0;

		if (!take(i, FULL))
			continue;
		address = warnings[i].address;
		if (space && !sv_kvm_gpa_of(space, address, &gpa)) {
			give(i, FULL); /* another VM's, or the VMM's own */
			continue;
		}
		give(i, FREE);
		*record = (struct sv_memory_error){.source = SV_RAS_SIGBUS_AO,
						   .valid = SV_RAS_HVA | (space ? SV_RAS_GPA : 0),
						   .vcpu = SV_RAS_NO_VCPU,
						   .gpa = gpa,
						   .hva = address};
		return true;
	}
	return false;
}

unsigned sv_kvm_warned(void)
{
	return atomic_load_explicit(&warnings_kept, memory_order_acquire);
}

uint64_t sv_kvm_warnings_lost(void)
{
	return atomic_load_explicit(&warnings_lost, memory_order_relaxed);
}
