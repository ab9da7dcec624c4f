/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions for the guest, by two roads (docs/design.md, "Injection").
 *
 * The kernel's: KVM enters the exception itself, with the FAR of the last abort, and cancels a pending
 * completion of an MMIO read. It knows external data aborts only.
 *
 * By registers: any syndrome, any address; but not after a plain KVM_EXIT_MMIO, whose completion would
 * still write Rt and move the PC. sv_hole, which answers those, asks for external aborts and nothing else.
 */
#include <salvage/except.h>
#include <salvage/kvm.h>

#include "uapi.h"
#include "vcpu.h"

static enum sv_status by_kernel(struct sv_kvm_vcpu *vcpu)
{
	struct sv_kvm_vcpu_events events = {.exception.ext_dabt_pending = 1};

	return vcpu->backend->ioctl(vcpu->backend->opaque, vcpu->fd, SV_KVM_SET_VCPU_EVENTS, &events)
		       ? SV_UNSUPPORTED
		       : SV_OK;
}

static enum sv_status by_registers(struct sv_kvm_vcpu *vcpu, const struct sv_injection *injection)
{
	struct sv_entry entry = {0};
	unsigned features;
	uint64_t esr;

	if (sv_kvm_except_features(vcpu, &features) || sv_kvm_get(vcpu, SV_PC, &entry.pc) ||
	    sv_kvm_get(vcpu, SV_PSTATE, &entry.pstate) || sv_kvm_get(vcpu, SV_SCTLR_EL1, &entry.sctlr_el1) ||
	    sv_kvm_get(vcpu, SV_VBAR_EL1, &entry.vbar_el1))
		return SV_UNSUPPORTED;
	esr = sv_esr_data_abort(entry.pstate, injection->fsc, injection->write);
	if (sv_exception_enter(&entry, SV_VECTOR_SYNCHRONOUS, features))
		return SV_UNSUPPORTED;

	const struct {
		enum sv_reg reg;
		uint64_t value;
	} state[] = {
		{SV_ESR_EL1, esr},
		{SV_FAR_EL1, injection->va},
		{SV_ELR_EL1, entry.elr_el1},
		{SV_SPSR_EL1, entry.spsr_el1},
		/* The PC last: until then the guest would execute the instruction again. */
		{SV_PSTATE, entry.pstate},
		{SV_PC, entry.pc},
	};

	for (size_t i = 0; i < sizeof(state) / sizeof(*state); i++)
		if (sv_kvm_set(vcpu, state[i].reg, state[i].value))
			return SV_UNSUPPORTED;
	return SV_OK;
}

enum sv_status sv_kvm_inject(struct sv_kvm_vcpu *vcpu, const struct sv_injection *injection)
{
	if (injection->fetch)
		return SV_UNSUPPORTED;
	return injection->fsc == SV_FSC_EXTERNAL ? by_kernel(vcpu) : by_registers(vcpu, injection);
}
