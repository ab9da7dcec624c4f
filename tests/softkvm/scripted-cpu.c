/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "scripted-cpu.h"

#define PSTATE_RESET 0x3c5 /* EL1h, DAIF masked */

const struct soft_reg_info soft_regs[SOFT_REG_COUNT] = {
#define X(name, op0, op1, CRn, CRm, op2, access, writable, reset) \
	{#name, (op0) << 14 | (op1) << 11 | (CRn) << 7 | (CRm) << 3 | (op2), SOFT_##access, writable, reset},
	SOFT_REGS(X)
#undef X
};

static const struct scripted_step *script;
static size_t script_count;
static _Atomic size_t at;

void scripted_play(const struct scripted_step *steps, size_t count)
{
	script = steps;
	script_count = count;
	at = 0;
}

unsigned scripted_entries(void)
{
	return (unsigned)at;
}

struct soft_cpu *soft_cpu_create(void)
{
	struct soft_cpu *cpu = aligned_alloc(_Alignof(struct soft_cpu), sizeof(struct soft_cpu));

	if (cpu)
		memset(cpu, 0, sizeof(*cpu));
	return cpu;
}

void soft_cpu_destroy(struct soft_cpu *cpu)
{
	free(cpu);
}

void soft_cpu_reset(struct soft_cpu *cpu, uint64_t mpidr)
{
	memset(cpu, 0, sizeof(*cpu));
	for (unsigned i = 0; i < SOFT_REG_COUNT; i++)
		cpu->sysreg[i] = soft_regs[i].reset;
	cpu->sysreg[SOFT_MPIDR_EL1] = mpidr;
	cpu->pstate = PSTATE_RESET;
}

void soft_cpu_changed(struct soft_cpu *cpu)
{
}

static int find(uint16_t encoding)
{
	for (int i = 0; i < SOFT_REG_COUNT; i++)
		if (soft_regs[i].encoding == encoding)
			return i;
	return -1;
}

bool soft_cpu_get(const struct soft_cpu *cpu, uint16_t encoding, uint64_t *value)
{
	int i = find(encoding);

	if (i >= 0)
		*value = cpu->sysreg[i];
	return i >= 0;
}

bool soft_cpu_set(struct soft_cpu *cpu, uint16_t encoding, uint64_t value)
{
	int i = find(encoding);

	if (i < 0 || (soft_regs[i].access == SOFT_FIXED && value != cpu->sysreg[i]))
		return false;
	cpu->sysreg[i] = value;
	return true;
}

enum soft_exit soft_cpu_run(struct soft_cpu *cpu, const struct soft_bus *bus, uint64_t instructions)
{
	size_t now = at++;
	const struct scripted_step *step = now < script_count ? &script[now] : NULL;

	cpu->seen = *bus->generation;
	if (!step) {
		cpu->retired += instructions;
		return SOFT_BUDGET;
	}
	if (step->act)
		step->act(cpu, bus);
	if (step->exit == SOFT_BUDGET)
		cpu->retired += instructions;
	cpu->immediate = step->immediate;
	cpu->abort = (struct soft_abort){.esr = step->esr,
					 .far = step->far,
					 .hpfar = step->ipa >> 12 << 4,
					 .hpfar_valid = true,
					 .ipa = step->ipa};
	return step->exit;
}
