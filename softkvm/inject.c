/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM's own exceptions (arch/arm64/kvm/inject_fault.c), and when the guest's registers show them
 * (arch/arm64/kvm/hyp/exception.c, __kvm_adjust_pc). Syndrome and address are written at once, the rest before
 * the guest runs again, or at the end of the request by what soft_commit_events says; 5.10 does all at once.
 */
#include <salvage/syndrome.h>

#include "soft.h"

#define ESR_EC(ec) ((uint64_t)(ec) << 26)
#define ESR_IL     (UINT64_C(1) << 25)
#define PSTATE_A   (UINT64_C(1) << 8)

#define FSC_WALK 0x14 /* synchronous external abort on a walk, level 0 */
#define ISS_MASK UINT64_C(0x1ffffff)

static void enter(struct soft_vcpu *vcpu, enum sv_vector vector)
{
	struct soft_cpu *cpu = vcpu->cpu;
	struct sv_entry entry = {.sctlr_el1 = cpu->sysreg[SOFT_SCTLR_EL1],
				 .vbar_el1 = cpu->sysreg[SOFT_VBAR_EL1],
				 .pc = cpu->pc,
				 .pstate = cpu->pstate};

	sv_exception_enter(&entry, vector, vcpu->except_features);
	cpu->pc = entry.pc;
	cpu->pstate = entry.pstate;
	cpu->sysreg[SOFT_ELR_EL1] = entry.elr_el1;
	cpu->sysreg[SOFT_SPSR_EL1] = entry.spsr_el1;
}

/* kvm_skip_instr: A64 only. */
static void skip(struct soft_vcpu *vcpu)
{
	vcpu->cpu->pc += 4;
	vcpu->cpu->pstate &= ~(SV_PSTATE_BTYPE | SV_PSTATE_SS);
	vcpu->step_pending = vcpu->debug & SV_KVM_GUESTDBG_SINGLESTEP;
}

void soft_adjust_pc(struct soft_vcpu *vcpu)
{
	if (vcpu->pending)
		enter(vcpu, vcpu->pending_vector);
	else if (vcpu->increment_pc)
		skip(vcpu);
	vcpu->pending = vcpu->increment_pc = false;
}

void soft_commit_events(struct soft_vcpu *vcpu)
{
	if (!vcpu->pending || vcpu->object.soft->config.kernel != SV_SOFT_LINUX_7_1)
		return;
	vcpu->mmio_needed = false;
	soft_adjust_pc(vcpu);
}

/*
 * An exception that is pending takes the place of the PC's step: both share a field in the kernel, and
 * kvm_pend_exception expects no step.
 */
static void pend(struct soft_vcpu *vcpu, enum sv_vector vector)
{
	vcpu->pending = true;
	vcpu->increment_pc = false;
	vcpu->pending_vector = vector;
	if (vcpu->object.soft->config.kernel == SV_SOFT_LINUX_5_10)
		soft_adjust_pc(vcpu);
}

static bool is_el0(const struct soft_vcpu *vcpu)
{
	return !SV_PSTATE_EL(vcpu->cpu->pstate);
}

/* inject_abt64. */
static void inject_abort(struct soft_vcpu *vcpu, bool fetch, uint64_t far, unsigned fsc)
{
	unsigned ec = is_el0(vcpu) ? SV_EC_INSTRUCTION_LOWER : SV_EC_INSTRUCTION;
	uint64_t esr;

	/* EC of a data abort is that of an instruction abort with a bit more. */
	esr = ESR_EC(fetch ? ec : ec | SV_EC_DATA_LOWER) | (vcpu->fault.esr & ESR_IL) | fsc;
	if (vcpu->object.soft->config.ext_iabt)
		esr |= vcpu->fault.esr & SV_ESR_FnV;
	vcpu->cpu->sysreg[SOFT_FAR_EL1] = far;
	vcpu->cpu->sysreg[SOFT_ESR_EL1] = esr;
	pend(vcpu, SV_VECTOR_SYNCHRONOUS);
}

void soft_inject_sea(struct soft_vcpu *vcpu, bool fetch, uint64_t far)
{
	int level;

	if (!(vcpu->fault.esr & SV_ESR_S1PTW)) {
		inject_abort(vcpu, fetch, far, SV_FSC_EXTERNAL);
		return;
	}
	/* Older kernels say an external abort of the access. */
	if (vcpu->object.soft->config.kernel != SV_SOFT_LINUX_7_1)
		inject_abort(vcpu, fetch, far, SV_FSC_EXTERNAL);
	/* If no level can be found the tables have changed, and the guest is to try again. */
	else if (vcpu->fault.ipa_valid && soft_find_level(vcpu, far, fetch, vcpu->fault.ipa, &level))
		inject_abort(vcpu, fetch, far, (unsigned)(FSC_WALK + level));
}

void soft_inject_size_fault(struct soft_vcpu *vcpu)
{
	/* Level 0, as if beyond PARange. */
	inject_abort(vcpu, SV_EC(vcpu->fault.esr) == SV_EC_INSTRUCTION_LOWER,
		     vcpu->fault.ipa | (vcpu->fault.far & ~SOFT_PAGE_MASK), 0);
}

void soft_inject_exclusive(struct soft_vcpu *vcpu)
{
	inject_abort(vcpu, false, vcpu->fault.far, SV_FSC_UNSUPPORTED_ATOMIC);
}

void soft_inject_serror(struct soft_vcpu *vcpu, uint64_t iss)
{
	struct soft_cpu *cpu = vcpu->cpu;

	/* Older kernels leave all of it to the CPU. */
	if (cpu->pstate & PSTATE_A || vcpu->object.soft->config.kernel != SV_SOFT_LINUX_7_1) {
		cpu->serror_pending = true;
		cpu->serror_iss = iss & ISS_MASK;
		return;
	}
	cpu->sysreg[SOFT_ESR_EL1] = ESR_EC(SV_EC_SERROR) | ESR_IL | (iss & ISS_MASK);
	pend(vcpu, SV_VECTOR_SERROR);
}
