/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What KVM does with an abort that the CPU took to EL2, question by question in its order
 * (arch/arm64/kvm/hyp/include/hyp/fault.h, __get_fault_info; arch/arm64/kvm/mmu.c, kvm_handle_guest_abort).
 */
#include <errno.h>

#include <salvage/syndrome.h>

#include "soft.h"

/* The sanitised PARange: the largest IPA space that any VM of this host may have. */
#define LIMIT(vcpu) (UINT64_C(1) << (vcpu)->object.soft->config.ipa_bits)

static enum sv_fault_kind kind_of(uint64_t esr)
{
	return sv_syndrome_fault_kind(SV_FSC(esr));
}

static bool is_walk_error(uint64_t esr)
{
	return kind_of(esr) == SV_FAULT_EXTERNAL_WALK || kind_of(esr) == SV_FAULT_PARITY_WALK;
}

static bool is_external(uint64_t esr)
{
	return kind_of(esr) == SV_FAULT_EXTERNAL || kind_of(esr) == SV_FAULT_PARITY || is_walk_error(esr);
}

/* __hpfar_valid: of these KVM believes HPFAR_EL2. */
static bool hpfar_is_trusted(uint64_t esr)
{
	switch (kind_of(esr)) {
	case SV_FAULT_TRANSLATION:
	case SV_FAULT_ACCESS_FLAG:
	case SV_FAULT_ADDRESS_SIZE:
		return true;
	case SV_FAULT_PERMISSION:
		return esr & SV_ESR_S1PTW;
	default:
		return false;
	}
}

/* __fault_safe_to_translate: where FAR_EL2 says something, and walking its tables meets no error again. */
static bool far_can_be_translated(uint64_t esr)
{
	return !is_walk_error(esr) && !(SV_FSC(esr) == SV_FSC_EXTERNAL && esr & SV_ESR_FnV);
}

/* False: stage 1 has changed meanwhile, and the guest is to try again. */
static bool capture(struct soft_vcpu *vcpu)
{
	const struct soft_abort *abort = &vcpu->cpu->abort;

	vcpu->fault.esr = abort->esr;
	vcpu->fault.far = abort->far;
	vcpu->fault.ipa = 0;
	vcpu->fault.ipa_valid = false;
	/* The CPU model knows nothing of stage 2's tables: whose walk it was the poison says. */
	if (is_walk_error(abort->esr) && soft_poison_of_stage2(vcpu->vm, abort->ipa))
		vcpu->fault.esr |= SV_ESR_S1PTW;
	if (hpfar_is_trusted(abort->esr))
		vcpu->fault.ipa = (abort->hpfar >> 4) << SOFT_PAGE_SHIFT;
	else if (!far_can_be_translated(abort->esr))
		return true;
	else if (!soft_at_s1e1r(vcpu, abort->far, &vcpu->fault.ipa))
		return false;
	vcpu->fault.ipa_valid = true;
	return true;
}

/* FAR_TO_FIPA_OFFSET: HPFAR_EL2 has no more than the page. */
static uint64_t whole_ipa(const struct soft_vcpu *vcpu)
{
	return vcpu->fault.ipa | (vcpu->fault.far & ~SOFT_PAGE_MASK);
}

/* kvm_is_write_fault. A walk writes where the CPU updates descriptors, which alone is a permission fault. */
static bool is_write(uint64_t esr)
{
	if (esr & SV_ESR_S1PTW)
		return kind_of(esr) == SV_FAULT_PERMISSION;
	return SV_EC(esr) != SV_EC_INSTRUCTION_LOWER && esr & SV_ESR_WnR;
}

/* There is no memory, or none that may be written. */
static int not_memory(struct soft_vcpu *vcpu, bool memory)
{
	uint64_t esr = vcpu->fault.esr;

	if (SV_EC(esr) == SV_EC_INSTRUCTION_LOWER) {
		soft_inject_sea(vcpu, true, vcpu->fault.far);
		return 1;
	}
	if (esr & SV_ESR_S1PTW) {
		soft_inject_sea(vcpu, false, vcpu->fault.far);
		return 1;
	}
	/* What is no memory cannot be in a cache; of a read-only slot that is not so. */
	if (!memory && esr & SV_ESR_CM) {
		vcpu->increment_pc = true;
		return 1;
	}
	return soft_io_abort(vcpu, whole_ipa(vcpu));
}

/* user_mem_abort. */
static int map(struct soft_vcpu *vcpu, bool write)
{
	struct sv_soft_poison error;
	void *host;

	if (!soft_memory_map(vcpu->vm, vcpu->fault.ipa, write, &error, &host))
		return soft_handle_poison(vcpu, &error, host, vcpu->fault.ipa);
	if (kind_of(vcpu->fault.esr) == SV_FAULT_EXCLUSIVE)
		soft_inject_exclusive(vcpu);
	return 1;
}

static int guest_abort(struct soft_vcpu *vcpu)
{
	uint64_t esr = vcpu->fault.esr, ipa = vcpu->fault.ipa;
	enum sv_fault_kind kind = kind_of(esr);
	struct soft_place place;
	bool write = is_write(esr);

	if (is_external(esr))
		return soft_handle_sea(vcpu);
	if (!vcpu->fault.ipa_valid)
		return -EFAULT;
	if (kind == SV_FAULT_TRANSLATION) {
		if (ipa >= LIMIT(vcpu)) {
			soft_inject_size_fault(vcpu);
			return 1;
		}
		if (ipa >= UINT64_C(1) << vcpu->vm->ipa_bits) {
			soft_inject_sea(vcpu, SV_EC(esr) == SV_EC_INSTRUCTION_LOWER, whole_ipa(vcpu));
			return 1;
		}
	}
	if (kind != SV_FAULT_TRANSLATION && kind != SV_FAULT_PERMISSION && kind != SV_FAULT_ACCESS_FLAG &&
	    kind != SV_FAULT_EXCLUSIVE)
		return -EFAULT;
	place = soft_memory_find(vcpu->vm, ipa);
	if (!place.memory || (write && !place.writable))
		return not_memory(vcpu, place.memory);
	if (kind == SV_FAULT_ACCESS_FLAG) {
		soft_memory_make_young(vcpu->vm, ipa);
		return 1;
	}
	return map(vcpu, write);
}

int soft_handle_abort(struct soft_vcpu *vcpu)
{
	const struct soft_abort *abort = &vcpu->cpu->abort;
	struct sv_soft *soft = vcpu->object.soft;

	atomic_fetch_add_explicit(&soft->aborts, 1, memory_order_relaxed);
	if (!capture(vcpu))
		return 1;
	if (soft->hooks[SV_SOFT_AT_ABORT].call)
		soft_hook(soft, &(struct sv_soft_event){.point = SV_SOFT_AT_ABORT,
							.fd = vcpu->object.fd,
							.esr = abort->esr,
							.far = abort->far,
							.ipa = abort->ipa,
							.pc = vcpu->cpu->pc});
	return guest_abort(vcpu);
}
