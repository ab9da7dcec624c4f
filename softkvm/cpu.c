/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPU's life, and the loop that executes. */
#include <stdlib.h>

#include <salvage/except.h>

#include "model.h"

#define EL1h UINT64_C(5)

/* ISS of a Software Step exception: ISV, and that a load-exclusive was stepped; IFSC is that of a debug exception. */
#define STEP_ISV  (1u << 24)
#define STEP_EX   (1u << 6)
#define STEP_IFSC 0x22

static const struct sv_mmu_id mmu_id = {
	.aa64mmfr0 = SOFT_MMFR0,
	.aa64mmfr1 = SOFT_MMFR1,
	.aa64mmfr2 = SOFT_MMFR2,
	.aa64isar1 = SOFT_ISAR1,
};

struct soft_cpu *soft_cpu_create(void)
{
	struct soft_cpu *cpu = aligned_alloc(_Alignof(struct soft_cpu), sizeof(*cpu));

	if (!cpu)
		return NULL;
	memset(cpu, 0, sizeof(*cpu));
	cpu->caches = calloc(1, sizeof(*cpu->caches));
	if (!cpu->caches) {
		free(cpu);
		return NULL;
	}
	cpu->caches->mmu_features = sv_mmu_features(&mmu_id);
	cpu->caches->except_features = SV_EXCEPT_PAN | SV_EXCEPT_RAS;
	cpu->caches->epoch = SOFT_EPOCH;
	soft_cpu_reset(cpu, 0);
	return cpu;
}

void soft_cpu_destroy(struct soft_cpu *cpu)
{
	if (cpu)
		free(cpu->caches);
	free(cpu);
}

void soft_cpu_reset(struct soft_cpu *cpu, uint64_t mpidr)
{
	struct soft_caches *caches = cpu->caches;

	memset(cpu, 0, sizeof(*cpu));
	cpu->caches = caches;
	cpu->pstate = PSTATE_DAIF | EL1h;
	for (enum soft_reg reg = 0; reg < SOFT_REG_COUNT; reg++)
		cpu->sysreg[reg] = soft_regs[reg].reset;
	cpu->sysreg[SOFT_MPIDR_EL1] |= mpidr;
	soft_cpu_changed(cpu);
}

void soft_cpu_changed(struct soft_cpu *cpu)
{
	soft_forget(cpu);
	soft_state_changed(cpu);
}

/* Data in another byte order, and all that tests want the long way round, has no short cut. */
static bool always_slow(const struct soft_cpu *cpu)
{
	uint64_t sctlr = cpu->sysreg[SOFT_SCTLR_EL1];

	return cpu->all_slow || sctlr & (soft_el(cpu) ? SV_SCTLR_EE : SV_SCTLR_E0E);
}

void soft_state_changed(struct soft_cpu *cpu)
{
	struct soft_caches *caches = cpu->caches;
	enum soft_regime regime = !soft_el(cpu)                 ? SOFT_EL0
				  : cpu->pstate & SV_PSTATE_PAN ? SOFT_EL1_PAN
								: SOFT_EL1;

	for (enum soft_kind kind = 0; kind < SOFT_KINDS; kind++)
		caches->mappings[kind] = always_slow(cpu) ? caches->none : caches->mapping[regime][kind];
	caches->fetch_tag = 0;
	caches->attention = cpu->pstate & PSTATE_IL || cpu->host_step || soft_steps(cpu) ||
			    (cpu->serror_pending && !(cpu->pstate & PSTATE_A));
}

/*
 * What comes before an instruction: an SError, a step that has been made (DDI 0487, D1.3.5 has the order). True if
 * an exception was taken.
 */
static bool interrupted(struct soft_cpu *cpu)
{
	struct soft_caches *caches = cpu->caches;
	uint32_t iss = STEP_IFSC;

	if (cpu->serror_pending && !(cpu->pstate & PSTATE_A)) {
		soft_take_serror(cpu);
		return true;
	}
	if (!soft_steps(cpu) || cpu->pstate & SV_PSTATE_SS)
		return false;
	if (caches->stepped)
		iss |= STEP_ISV | (caches->stepped_exclusive ? STEP_EX : 0);
	caches->stepped = false;
	soft_take(cpu, soft_el(cpu) ? EC_STEP : EC_STEP_LOWER, iss);
	return true;
}

/* Makes fetch_tag and fetch_host good for the PC; else the exception has been taken, or the exit is known. */
static bool find_code(struct soft_cpu *cpu, const uint8_t **host, enum soft_step *step)
{
	struct soft_caches *caches = cpu->caches;
	struct soft_access access = {.kind = SOFT_FETCH, .el0 = !soft_el(cpu)};
	const struct soft_mapping *mapping;

	if (cpu->pc & 3) {
		*step = soft_take_address(cpu, EC_PC_ALIGNMENT, cpu->pc);
		return false;
	}
	mapping = soft_map(cpu, cpu->pc, &access, step);
	if (!mapping)
		return false;
	caches->fetch_tag = mapping == &caches->once ? 0 : mapping->tag;
	caches->fetch_host = mapping->host;
	*host = mapping->host;
	return true;
}

static bool is_load_exclusive(uint32_t word)
{
	const struct sv_row *row = sv_classify(SV_A64, word);

	return row && row->iclass == SV_CLASS_EXCLUSIVE && row->flags & SV_ROW_LOAD;
}

static struct soft_op *operation(struct soft_caches *caches, uint32_t word)
{
	/* Fibonacci hashing: words that differ in a register or an immediate spread well. */
	struct soft_op *op = &caches->ops[word * UINT32_C(0x9e3779b1) >> (32 - SOFT_OPS_BITS)];

	if (__builtin_expect(op->word != word || !op->run, 0))
		soft_decode(word, op);
	return op;
}

/* One instruction under attention. */
static enum soft_step attended(struct soft_cpu *cpu, const struct soft_op *op)
{
	struct soft_caches *caches = cpu->caches;
	bool stepping = soft_steps(cpu) && cpu->pstate & SV_PSTATE_SS;
	enum soft_step step;

	if (cpu->pstate & PSTATE_IL)
		return soft_take(cpu, EC_ILLEGAL_STATE, 0);
	step = op->run(cpu, op);
	caches->stepped = stepping && (step == SOFT_NEXT || step == SOFT_JUMPED);
	caches->stepped_exclusive = stepping && is_load_exclusive(op->word);
	if (stepping && (step == SOFT_NEXT || step == SOFT_JUMPED || step == SOFT_LEAVE_NEXT))
		cpu->pstate &= ~SV_PSTATE_SS;
	return step;
}

enum soft_exit soft_cpu_run(struct soft_cpu *cpu, const struct soft_bus *bus, uint64_t instructions)
{
	struct soft_caches *caches = cpu->caches;

	caches->bus = bus;
	cpu->x[31] = 0;
	soft_state_changed(cpu);
	for (; instructions; instructions--) {
		uint64_t generation = atomic_load_explicit(bus->generation, memory_order_acquire);
		enum soft_step step = SOFT_NEXT;
		const struct soft_op *op;
		const uint8_t *host;

		if (__builtin_expect(generation != caches->generation, 0)) {
			soft_forget(cpu);
			caches->generation = generation;
		}
		if (__builtin_expect(atomic_load_explicit(&cpu->seen, memory_order_relaxed) != generation, 0))
			atomic_store_explicit(&cpu->seen, generation, memory_order_release);
		if (__builtin_expect(atomic_load_explicit(&cpu->kick, memory_order_relaxed), 0))
			return SOFT_BUDGET;
		cpu->retired++;
		host = caches->fetch_host;
		if (__builtin_expect(caches->attention, 0) && interrupted(cpu)) {
			step = SOFT_TAKEN;
		} else if (__builtin_expect(
				   ((cpu->pc & ~UINT64_C(0xffc)) | caches->epoch) == caches->fetch_tag, 1) ||
			   find_code(cpu, &host, &step)) {
			op = operation(caches,
				       __atomic_load_n((const uint32_t *)(host + cpu->pc % PAGE_BYTES),
						       __ATOMIC_RELAXED));
			step = __builtin_expect(caches->attention, 0) ? attended(cpu, op) : op->run(cpu, op);
			if (__builtin_expect(step == SOFT_NEXT, 1))
				cpu->pc += 4;
			else if (step == SOFT_UNDEFINED)
				step = soft_take(cpu, EC_UNKNOWN, 0);
		}
		if (step == SOFT_LEAVE_NEXT)
			cpu->pc += 4;
		if (__builtin_expect(step >= SOFT_LEAVE, 0))
			return caches->exit;
		if (__builtin_expect(cpu->host_step, 0))
			return SOFT_DEBUG;
	}
	return SOFT_BUDGET;
}
