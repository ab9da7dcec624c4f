/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors of memory, from the CPU and from the host (arch/arm64/kvm/mmu.c: kvm_handle_guest_sea,
 * host_owns_sea, kvm_send_hwpoison_signal).
 */
#include <errno.h>
#include <signal.h>

#include <salvage/syndrome.h>

#include "soft.h"

#ifndef BUS_MCEERR_AR
#define BUS_MCEERR_AR 4
#endif

/* Of ESR_EL2 what KVM_EXIT_ARM_SEA keeps; SET with FEAT_RAS only. */
#define ESR_EC  (UINT64_C(0x3f) << 26)
#define ESR_IL  (UINT64_C(1) << 25)
#define ESR_FSC UINT64_C(0x3f)
#define KEPT    (ESR_EC | ESR_IL | SV_ESR_FnV | SV_ESR_EA | SV_ESR_CM | SV_ESR_WnR | ESR_FSC)

static bool is_walk(uint64_t esr)
{
	enum sv_fault_kind kind = sv_syndrome_fault_kind(SV_FSC(esr));

	return kind == SV_FAULT_EXTERNAL_WALK || kind == SV_FAULT_PARITY_WALK;
}

/*
 * Without FEAT_RAS HCR_EL2.TEA does nothing, and what comes to EL2 all the same is of stage 2's own making; with
 * it that is so of stage 2's walk for a walk of stage 1.
 */
static bool host_owns(const struct soft_vcpu *vcpu, uint64_t esr)
{
	return vcpu->object.soft->config.no_ras || (is_walk(esr) && esr & SV_ESR_S1PTW);
}

int soft_handle_sea(struct soft_vcpu *vcpu)
{
	uint64_t esr = vcpu->fault.esr, kept = KEPT | (vcpu->object.soft->config.no_ras ? 0 : SV_ESR_SET);
	struct sv_kvm_run *run = vcpu->run;
	struct sv_soft_poison met;
	bool fetch = SV_EC(esr) == SV_EC_INSTRUCTION_LOWER && !is_walk(esr);

	/* apei_claim_sea(): firmware told the host, which has dealt with the page when the guest goes on. */
	if (soft_poison_met(vcpu->vm, vcpu->cpu->abort.ipa, fetch, &met)) {
		if (met.error == SV_SOFT_CLAIMED_BAD) {
			soft_sigbus(vcpu, SI_KERNEL, NULL, 0);
			run->exit_reason = SV_KVM_EXIT_INTR;
			return -EINTR;
		}
		if (met.error == SV_SOFT_CLAIMED)
			return 1;
	}
	if (host_owns(vcpu, esr) || !atomic_load(&vcpu->vm->sea_to_user)) {
		soft_inject_serror(vcpu, SOFT_SERROR_IDS);
		return 1;
	}
	run->exit_reason = SV_KVM_EXIT_ARM_SEA;
	run->arm_sea.flags = run->arm_sea.gva = run->arm_sea.gpa = 0;
	run->arm_sea.esr = esr & kept;
	if (!(esr & SV_ESR_FnV))
		run->arm_sea.gva = vcpu->fault.far;
	if (vcpu->fault.ipa_valid) {
		run->arm_sea.flags |= SV_KVM_EXIT_ARM_SEA_GPA_VALID;
		run->arm_sea.gpa = vcpu->fault.ipa;
	}
	return 0;
}

/* Results of KVM_RUN that come with KVM_EXIT_MEMORY_FAULT. */
static int memory_fault(struct soft_vcpu *vcpu, uint64_t ipa, int error)
{
	vcpu->run->exit_reason = SV_KVM_EXIT_MEMORY_FAULT;
	vcpu->run->memory_fault.flags = 0;
	vcpu->run->memory_fault.gpa = ipa & SOFT_PAGE_MASK;
	vcpu->run->memory_fault.size = SOFT_PAGE;
	return -error;
}

int soft_handle_poison(struct soft_vcpu *vcpu, const struct sv_soft_poison *error, void *host, uint64_t ipa)
{
	switch (error->error) {
	case SV_SOFT_MEMORY_FAULT:
		return memory_fault(vcpu, ipa, EHWPOISON);
	case SV_SOFT_GONE:
		return memory_fault(vcpu, ipa, EFAULT);
	default:
		/* The signal is pending before the guest would run again. */
		soft_sigbus(vcpu, BUS_MCEERR_AR, host, error->lsb ? error->lsb : SOFT_PAGE_SHIFT);
		vcpu->run->exit_reason = SV_KVM_EXIT_INTR;
		return -EINTR;
	}
}
