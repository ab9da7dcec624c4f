/* SPDX-License-Identifier: BSD-2-Clause */
/* Into EL1 and back (DDI 0487, D1.3). */
#include <salvage/except.h>
#include <salvage/syndrome.h>

#include "model.h"

#define ESR_IL       (UINT64_C(1) << 25)
#define FAR_EL1(cpu) ((cpu)->sysreg[SOFT_FAR_EL1])

/* SPSR_EL1's bits that PSTATE has here. */
#define RETURNED (PSTATE_NZCV | PSTATE_DAIF | SV_PSTATE_PAN | SV_PSTATE_UAO)

static struct sv_entry entry_of(const struct soft_cpu *cpu)
{
	return (struct sv_entry){
		.sctlr_el1 = cpu->sysreg[SOFT_SCTLR_EL1],
		.vbar_el1 = cpu->sysreg[SOFT_VBAR_EL1],
		.pc = cpu->pc,
		.pstate = cpu->pstate,
		.far_el1 = FAR_EL1(cpu),
	};
}

static void enter(struct soft_cpu *cpu, const struct sv_entry *entry)
{
	cpu->pc = entry->pc;
	cpu->pstate = entry->pstate;
	cpu->sysreg[SOFT_ELR_EL1] = entry->elr_el1;
	cpu->sysreg[SOFT_SPSR_EL1] = entry->spsr_el1;
	cpu->pc = soft_branch_address(cpu, cpu->pc);
	soft_state_changed(cpu);
}

static enum soft_step take(struct soft_cpu *cpu, uint64_t esr)
{
	struct sv_entry entry = entry_of(cpu);

	/* The model is in AArch64 state at EL0 or EL1 always: this cannot fail. */
	sv_exception_enter(&entry, SV_VECTOR_SYNCHRONOUS, cpu->caches->except_features);
	cpu->sysreg[SOFT_ESR_EL1] = esr;
	enter(cpu, &entry);
	return SOFT_TAKEN;
}

enum soft_step soft_take(struct soft_cpu *cpu, enum soft_class ec, uint32_t iss)
{
	return take(cpu, (uint64_t)ec << 26 | ESR_IL | iss);
}

enum soft_step soft_take_address(struct soft_cpu *cpu, enum soft_class ec, uint64_t far)
{
	FAR_EL1(cpu) = far;
	return soft_take(cpu, ec, 0);
}

enum sv_status soft_cpu_inject(struct soft_cpu *cpu, const struct sv_injection *injection)
{
	struct sv_entry entry = entry_of(cpu);
	enum sv_status status = sv_exception_take(&entry, injection, cpu->caches->except_features);

	if (status)
		return status;
	cpu->sysreg[SOFT_ESR_EL1] = entry.esr_el1;
	FAR_EL1(cpu) = entry.far_el1;
	enter(cpu, &entry);
	return SV_OK;
}

/* esr is what struct sv_translation says: FSC and WnR, and here CM too. */
enum soft_step soft_take_abort(struct soft_cpu *cpu, bool fetch, uint64_t esr, uint64_t va)
{
	unsigned fsc = SV_FSC(esr);
	bool external = fsc == SV_FSC_EXTERNAL || (fsc >= 0x13 && fsc <= 0x17);
	struct sv_injection injection = {
		.kind = fsc == SV_FSC_ALIGNMENT ? SV_EXCEPTION_ALIGNMENT
			: external ? (fetch ? SV_EXCEPTION_INSTRUCTION_EXTERNAL : SV_EXCEPTION_DATA_EXTERNAL)
				   : (fetch ? SV_EXCEPTION_INSTRUCTION_STAGE1 : SV_EXCEPTION_DATA_STAGE1),
		.fsc = (uint8_t)fsc,
		.write = !fetch && esr & SV_ESR_WnR,
		.cm = !fetch && esr & SV_ESR_CM && fsc != SV_FSC_ALIGNMENT,
		.va_exact = true,
		.va = va,
	};

	soft_cpu_inject(cpu, &injection);
	return SOFT_TAKEN;
}

enum soft_step soft_take_serror(struct soft_cpu *cpu)
{
	struct sv_injection injection = {
		.kind = SV_EXCEPTION_SERROR,
		.has_iss = true,
		.iss = (uint32_t)cpu->serror_iss & 0x1ffffff,
	};

	cpu->serror_pending = false;
	soft_cpu_inject(cpu, &injection);
	return SOFT_TAKEN;
}

/* Tags do not get into the PC (BranchAddr). */
uint64_t soft_branch_address(const struct soft_cpu *cpu, uint64_t va)
{
	uint64_t tcr = cpu->sysreg[SOFT_TCR_EL1];
	bool upper = va >> 55 & 1;

	if (tcr >> (upper ? 38 : 37) & 1)
		return (uint64_t)((int64_t)(va << 8) >> 8);
	return va;
}

/* Debug exceptions are enabled, and step is (DDI 0487, D2.4, D2.12; OS Lock as MDSCR_EL1 has it). */
static bool steps_at(const struct soft_cpu *cpu, unsigned el, uint64_t pstate)
{
	uint64_t mdscr = cpu->sysreg[SOFT_MDSCR_EL1];

	return mdscr & MDSCR_SS && !cpu->host_step && !(cpu->sysreg[SOFT_OSLSR_EL1] & 2) &&
	       (!el || (mdscr & MDSCR_KDE && !(pstate & PSTATE_D)));
}

bool soft_steps(const struct soft_cpu *cpu)
{
	return steps_at(cpu, soft_el(cpu), cpu->pstate);
}

/* ERET. A return to where there is nothing to return to only sets PSTATE.IL (DDI 0487, D1.3.4). */
enum soft_step soft_return(struct soft_cpu *cpu)
{
	uint64_t spsr = cpu->sysreg[SOFT_SPSR_EL1], mode = spsr & PSTATE_MODE;
	bool legal = mode == 0 || mode == 4 || mode == 5;
	uint64_t pstate = spsr & RETURNED;

	pstate |= legal ? mode | (spsr & PSTATE_IL) : (cpu->pstate & PSTATE_MODE) | PSTATE_IL;
	if (spsr & SV_PSTATE_SS && !soft_steps(cpu) && steps_at(cpu, SV_PSTATE_EL(pstate), spsr))
		pstate |= SV_PSTATE_SS;
	cpu->pstate = pstate;
	cpu->pc = cpu->sysreg[SOFT_ELR_EL1];
	if (legal)
		cpu->pc = soft_branch_address(cpu, cpu->pc);
	cpu->exclusive.valid = false;
	soft_state_changed(cpu);
	return SOFT_JUMPED;
}
