/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions for the guest, by two roads (docs/injection.md).
 *
 * The kernel's, KVM_SET_VCPU_EVENTS: KVM enters the exception, with the FAR of the last abort and nothing in
 * the syndrome but a fault status, and cancels a pending completion of an MMIO access.
 *
 * By registers: any syndrome, any address. Not after a plain KVM_EXIT_MMIO: KVM would still complete the
 * access at the next KVM_RUN, write Rt and move the PC, by then the vector's.
 */
#include <errno.h>

#include <salvage/except.h>
#include <salvage/kvm.h>
#include <salvage/syndrome.h>

#include "uapi.h"
#include "vcpu.h"

#define SCTLR2_EL1 SV_KVM_SYSREG(3, 0, 1, 0, 3)
#define GCSCR_EL1  SV_KVM_SYSREG(3, 0, 2, 5, 0)

/*
 * The exits that the kernel's external aborts answer (Documentation/virt/kvm/api.rst, KVM_SET_VCPU_EVENTS).
 */
static bool answers_abort(uint32_t reason)
{
	static const uint32_t reasons[] = {SV_KVM_EXIT_MMIO, SV_KVM_EXIT_ARM_NISV, SV_KVM_EXIT_ARM_SEA,
					   SV_KVM_EXIT_ARM_LDST64B};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i] == reason)
			return true;
	return false;
}

static const struct sv_kvm_run *exit_of(const struct sv_kvm_vcpu *vcpu)
{
	return (const struct sv_kvm_run *)vcpu->run;
}

/* Whether the FAR that KVM will use is known to be va: of all exits only KVM_EXIT_ARM_SEA tells. */
static bool kernel_has_far(const struct sv_kvm_run *run, uint64_t va)
{
	return run->exit_reason == SV_KVM_EXIT_ARM_SEA && !(run->arm_sea.esr & SV_ESR_FnV) &&
	       run->arm_sea.gva == va;
}

/* Whether what the kernel would say of an external abort is what is asked for. */
static bool kernel_can_say(const struct sv_kvm_vcpu *vcpu, const struct sv_injection *injection)
{
	const struct sv_kvm_run *run = exit_of(vcpu);

	return (answers_abort(run->exit_reason) || vcpu->at_abort) && injection->fsc == SV_FSC_EXTERNAL &&
	       !injection->set && !injection->fnv &&
	       (!injection->va_exact ||
		(!injection->write && !injection->cm && kernel_has_far(run, injection->va)));
}

/* The kernel's words, for the kinds that it has one for. At most one exception is asked for. */
static const struct sv_kvm_vcpu_events words[SV_EXCEPTION_COUNT] = {
	[SV_EXCEPTION_DATA_EXTERNAL] = {.exception.ext_dabt_pending = 1},
	[SV_EXCEPTION_INSTRUCTION_EXTERNAL] = {.exception.ext_iabt_pending = 1},
	[SV_EXCEPTION_SERROR] = {.exception.serror_pending = 1},
};

/* Whether the kernel's road is the one, and what to say there. */
static bool kernel_event(const struct sv_kvm_vcpu *vcpu, const struct sv_injection *injection,
			 struct sv_kvm_vcpu_events *events)
{
	*events = words[injection->kind];
	/* KVM refuses an ISS where there is no RAS. Then none is invented. */
	events->exception.serror_has_esr = injection->has_iss;
	events->exception.serror_esr = injection->iss;
	if (events->exception.serror_pending)
		return true;
	return (events->exception.ext_dabt_pending ||
		(events->exception.ext_iabt_pending && vcpu->ext_iabt)) &&
	       kernel_can_say(vcpu, injection);
}

static bool read_entry(struct sv_kvm_vcpu *vcpu, struct sv_entry *entry, unsigned *features)
{
	return !sv_kvm_except_features(vcpu, features) && !sv_kvm_get(vcpu, SV_PC, &entry->pc) &&
	       !sv_kvm_get(vcpu, SV_PSTATE, &entry->pstate) &&
	       !sv_kvm_get(vcpu, SV_SCTLR_EL1, &entry->sctlr_el1) &&
	       !sv_kvm_get(vcpu, SV_VBAR_EL1, &entry->vbar_el1) &&
	       !sv_kvm_get(vcpu, SV_ESR_EL1, &entry->esr_el1) &&
	       !sv_kvm_get(vcpu, SV_FAR_EL1, &entry->far_el1) &&
	       !sv_kvm_get(vcpu, SV_ELR_EL1, &entry->elr_el1) &&
	       !sv_kvm_get(vcpu, SV_SPSR_EL1, &entry->spsr_el1) &&
	       (!(*features & SV_EXCEPT_DF2) ||
		!sv_kvm_transfer(vcpu, SV_KVM_GET_ONE_REG, SCTLR2_EL1, &entry->sctlr2_el1)) &&
	       (!(*features & SV_EXCEPT_GCS) ||
		!sv_kvm_transfer(vcpu, SV_KVM_GET_ONE_REG, GCSCR_EL1, &entry->gcscr_el1));
}

/* Puts back the first count registers that were written, the last one first. */
static enum sv_status undo(struct sv_kvm_vcpu *vcpu, const enum sv_reg *regs, const uint64_t *before,
			   size_t count)
{
	enum sv_status status = SV_UNSUPPORTED;

	while (count--)
		if (sv_kvm_set(vcpu, regs[count], before[count]))
			status = SV_REGISTER;
	return status;
}

static enum sv_status by_registers(struct sv_kvm_vcpu *vcpu, const struct sv_injection *injection)
{
	/* The PC last: until then the guest would execute the instruction again. */
	static const enum sv_reg regs[] = {SV_ESR_EL1, SV_FAR_EL1, SV_ELR_EL1, SV_SPSR_EL1, SV_PSTATE, SV_PC};
	struct sv_entry entry = {0};
	unsigned features;

	if (!read_entry(vcpu, &entry, &features))
		return SV_UNSUPPORTED;

	const uint64_t before[] = {entry.esr_el1,  entry.far_el1, entry.elr_el1,
				   entry.spsr_el1, entry.pstate,  entry.pc};

	if (sv_exception_take(&entry, injection, features))
		return SV_UNSUPPORTED;

	const uint64_t after[] = {entry.esr_el1,  entry.far_el1, entry.elr_el1,
				  entry.spsr_el1, entry.pstate,  entry.pc};

	for (size_t i = 0; i < sizeof(regs) / sizeof(*regs); i++)
		if (sv_kvm_set(vcpu, regs[i], after[i]))
			return undo(vcpu, regs, before, i);
	return SV_OK;
}

static enum sv_status by_kernel(struct sv_kvm_vcpu *vcpu, const struct sv_kvm_vcpu_events *events)
{
	struct sv_kvm_run *run = (struct sv_kvm_run *)vcpu->run;

	/* KVM checks before it changes anything, and only one exception is asked for. */
	if (vcpu->backend->ioctl(vcpu->backend->opaque, vcpu->fd, SV_KVM_SET_VCPU_EVENTS, (void *)events))
		return SV_UNSUPPORTED;
	/*
	 * Kernels before about 6.17 still complete the MMIO access that the abort answers, some of them by
	 * writing Rt in the guest's handler (5.10), others unless the next KVM_RUN is a real one (6.1, 6.12).
	 * All ask the page whether there is one. An SError answers none.
	 */
	if (!events->exception.serror_pending && run->exit_reason == SV_KVM_EXIT_MMIO)
		run->exit_reason = SV_KVM_EXIT_INTR;
	return SV_OK;
}

enum sv_status sv_kvm_inject(struct sv_kvm_vcpu *vcpu, const struct sv_injection *injection)
{
	struct sv_kvm_vcpu_events events;

	if (sv_injection_check(injection))
		return SV_MALFORMED;
	if (kernel_event(vcpu, injection, &events))
		return by_kernel(vcpu, &events);
	/*
	 * Where the address is neither given nor absent there is nothing to write. A virtual EL2 may want the
	 * exception for itself; a protected VM's registers are not ours.
	 */
	if (exit_of(vcpu)->exit_reason == SV_KVM_EXIT_MMIO || vcpu->cpu.flags ||
	    !(injection->va_exact || injection->fnv))
		return SV_UNSUPPORTED;
	return by_registers(vcpu, injection);
}

enum sv_status sv_kvm_settle(struct sv_kvm_vcpu *vcpu)
{
	struct sv_kvm_run *run = (struct sv_kvm_run *)vcpu->run;
	uint8_t immediate_exit = run->immediate_exit;
	int rc;

	run->immediate_exit = 1;
	rc = vcpu->backend->ioctl(vcpu->backend->opaque, vcpu->fd, SV_KVM_RUN, NULL);
	run->immediate_exit = immediate_exit;
	return rc == -EINTR ? SV_OK : SV_UNSUPPORTED;
}
