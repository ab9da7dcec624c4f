/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions and returns, system registers and who may have them, traps, steps, and how a run ends. */
#include "model.h"
#include "softkvm/board.h"

/* clang-format off */
#define NOP   0xd503201f
#define ERET  0xd69f03e0
#define SVC_5 0xd40000a1
#define HVC_7 0xd40000e2
#define WFI   0xd503207f
#define LDR_X1_X0  0xf9400001
#define LDXR_X1_X0 0xc85f7c01
/* clang-format on */

#define A         PSTATE_A
#define D         PSTATE_D
#define SS        SV_PSTATE_SS
#define MODE_EL1t UINT64_C(0x3c4)

/* How an exception comes about: by which state, at which vector, with what. */
enum from { FROM_EL0, FROM_EL1t, FROM_EL1h };

static const uint64_t modes[] = {EL0t, MODE_EL1t, EL1h};

static const struct {
	const char *name;
	uint32_t word;
	enum from from;
	uint64_t vector, esr;
	unsigned returns; /* to PC + this */
} exceptions[] = {
	{"svc from EL0", SVC_5, FROM_EL0, 0x400, 0x56000005, 4},
	{"svc from EL1t", SVC_5, FROM_EL1t, 0x000, 0x56000005, 4},
	{"svc from EL1h", SVC_5, FROM_EL1h, 0x200, 0x56000005, 4},
	{"brk from EL0", 0xd4200060, FROM_EL0, 0x400, 0xf2000003, 0},
	{"brk from EL1h", 0xd4200060, FROM_EL1h, 0x200, 0xf2000003, 0},
	{"udf from EL0", 0, FROM_EL0, 0x400, 0x02000000, 0},
	{"hvc from EL0", HVC_7, FROM_EL0, 0x400, 0x02000000, 0},
	{"smc from EL0", 0xd4000123, FROM_EL0, 0x400, 0x02000000, 0},
	{"eret from EL0", ERET, FROM_EL0, 0x400, 0x02000000, 0},
	{"msr spsel from EL0", 0xd50041bf, FROM_EL0, 0x400, 0x02000000, 0},
	{"msr pan from EL0", 0xd500419f, FROM_EL0, 0x400, 0x02000000, 0},
	{"msr uao from EL0", 0xd500417f, FROM_EL0, 0x400, 0x02000000, 0},
	{"mrs currentel from EL0", 0xd5384240, FROM_EL0, 0x400, 0x02000000, 0},
	{"mrs sp_el0 from EL0", 0xd5384100, FROM_EL0, 0x400, 0x02000000, 0},
	{"mrs sp_el0 from EL1t", 0xd5384100, FROM_EL1t, 0x000, 0x02000000, 0},
	{"msr sp_el0 from EL1t", 0xd5184100, FROM_EL1t, 0x000, 0x02000000, 0},
	{"mrs midr from EL0", 0xd5380000, FROM_EL0, 0x400, 0x02000000, 0},
	{"mrs sctlr from EL0", 0xd5381000, FROM_EL0, 0x400, 0x02000000, 0},
	{"msr vbar from EL0", 0xd518c000, FROM_EL0, 0x400, 0x02000000, 0},
	{"mrs tpidr_el1 from EL0", 0xd538d080, FROM_EL0, 0x400, 0x02000000, 0},
	{"msr tpidrro_el0 from EL0", 0xd51bd060, FROM_EL0, 0x400, 0x02000000, 0},
	{"mrs of the ID space from EL0", 0xd53807a0, FROM_EL0, 0x400, 0x02000000, 0},
	{"mrs oslar", 0xd5301080, FROM_EL1h, 0x200, 0x02000000, 0},
	{"tlbi from EL0", 0xd508871f, FROM_EL0, 0x400, 0x02000000, 0},
	{"at from EL0", 0xd5087801, FROM_EL0, 0x400, 0x02000000, 0},
	{"dc cisw from EL0", 0xd5087e40, FROM_EL0, 0x400, 0x02000000, 0},
	{"dc ivac from EL0", 0xd5087621, FROM_EL0, 0x400, 0x02000000, 0},
	/* SCTLR_EL1's controls are all 0 here: EC 0x18 with the instruction's fields, or EC 1 of WFx. */
	{"msr daifset from EL0", 0xd5034fdf, FROM_EL0, 0x400, 0x620cd3fe, 0},
	{"msr daifclr from EL0", 0xd50344ff, FROM_EL0, 0x400, 0x620ed3e8, 0},
	{"mrs daif from EL0", 0xd53b4220, FROM_EL0, 0x400, 0x6232d005, 0},
	{"msr daif from EL0", 0xd51b4220, FROM_EL0, 0x400, 0x6232d004, 0},
	{"mrs ctr from EL0", 0xd53b0020, FROM_EL0, 0x400, 0x6232c001, 0},
	{"dc zva from EL0", 0xd50b7421, FROM_EL0, 0x400, 0x6212dc28, 0},
	{"dc cvac from EL0", 0xd50b7a21, FROM_EL0, 0x400, 0x6212dc34, 0},
	{"ic ivau from EL0", 0xd50b7521, FROM_EL0, 0x400, 0x6212dc2a, 0},
	{"wfi from EL0", WFI, FROM_EL0, 0x400, 0x07e00000, 0},
	{"wfe from EL0", 0xd503205f, FROM_EL0, 0x400, 0x07e00001, 0},
};

static void takes_exceptions(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (size_t i = 0; i < COUNT(exceptions); i++) {
		const char *name = exceptions[i].name;
		uint64_t pstate = modes[exceptions[i].from] | NZCV(5);

		board_reset(board);
		cpu->sysreg[SOFT_SCTLR_EL1] = 1u << 23;
		cpu->pstate = pstate;
		cpu->sysreg[SOFT_FAR_EL1] = 0xfa;
		cpu->x[0] = 0x77;
		cpu->x[1] = DATA;
		check(name, step(board, exceptions[i].word) == SOFT_BUDGET);
		check(name, cpu->pc == VECTORS + exceptions[i].vector);
		check(name, cpu->sysreg[SOFT_ESR_EL1] == exceptions[i].esr);
		check(name, cpu->sysreg[SOFT_ELR_EL1] == CODE + exceptions[i].returns);
		check(name, cpu->sysreg[SOFT_SPSR_EL1] == pstate);
		check(name, cpu->pstate == (EL1h | NZCV(5)));
		check(name, cpu->sysreg[SOFT_FAR_EL1] == 0xfa);
		check(name, cpu->x[0] == 0x77 && cpu->x[1] == DATA);
	}
}

/* What is done, from EL1h unless it says otherwise: X0 before, X0 and PSTATE after. sctlr is added. */
static const struct {
	const char *name;
	uint32_t word;
	uint64_t mode, sctlr, in, out, after;
} moves[] = {
	{"mrs currentel, EL1", 0xd5384240, EL1h, 0, 9, 4, EL1h},
	{"mrs spsel", 0xd5384200, EL1h, 0, 9, 1, EL1h},
	{"mrs spsel, EL1t", 0xd5384200, MODE_EL1t, 0, 9, 0, MODE_EL1t},
	{"msr spsel, 0", 0xd50040bf, EL1h, 0, 9, 9, MODE_EL1t},
	{"msr spsel, 1", 0xd50041bf, MODE_EL1t, 0, 9, 9, EL1h},
	{"mrs daif", 0xd53b4220, EL1h, 0, 9, 0x3c0, EL1h},
	{"msr daif", 0xd51b4220, EL1h, 0, 0x80, 0x80, 0x85},
	{"msr daifclr, 4", 0xd50344ff, EL1h, 0, 9, 9, 0x2c5},
	{"msr daifset, 15", 0xd5034fdf, 0x005, 0, 9, 9, EL1h},
	{"msr daifset at EL0 with UMA", 0xd5034fdf, 0, SCTLR_UMA, 9, 9, EL0t},
	{"mrs daif at EL0 with UMA", 0xd53b4220, EL0t, SCTLR_UMA, 9, 0x3c0, EL0t},
	{"msr pan, 1", 0xd500419f, EL1h, 0, 9, 9, EL1h | SV_PSTATE_PAN},
	{"msr pan, 0", 0xd500409f, EL1h | SV_PSTATE_PAN, 0, 9, 9, EL1h},
	{"mrs pan", 0xd5384260, EL1h | SV_PSTATE_PAN, 0, 9, SV_PSTATE_PAN, EL1h | SV_PSTATE_PAN},
	{"msr uao, 1", 0xd500417f, EL1h, 0, 9, 9, EL1h | SV_PSTATE_UAO},
	{"mrs uao", 0xd5384280, EL1h, 0, 9, 0, EL1h},
	{"mrs sp_el0", 0xd5384100, EL1h, 0, 9, 0x5000, EL1h},
	{"mrs tpidr_el0 at EL0", 0xd53bd040, EL0t, 0, 9, 0x7d0, EL0t},
	{"mrs tpidrro_el0 at EL0", 0xd53bd060, EL0t, 0, 9, 0x7d1, EL0t},
	{"mrs ctr at EL0 with UCT", 0xd53b0020, EL0t, SCTLR_UCT, 9, SOFT_CTR, EL0t},
	{"mrs dczid at EL0", 0xd53b00e0, EL0t, 0, 9, 4, EL0t},
	{"mrs isar0", 0xd5380600, EL1h, 0, 9, SOFT_ISAR0, EL1h},
	{"mrs of the ID space", 0xd53807a0, EL1h, 0, 9, 0, EL1h},
	{"mrs mpidr", 0xd53800a0, EL1h, 0, 9, 0x80000000, EL1h},
	{"msr tpidrro_el0 at EL1", 0xd51bd060, EL1h, 0, 9, 9, EL1h},
	{"mrs oslsr", 0xd5301180, EL1h, 0, 9, 8, EL1h},
	{"mrs isr, nothing pending", 0xd538c100, EL1h, 0, 9, 0, EL1h},
	{"nop", NOP, EL0t, 0, 9, 9, EL0t},
	{"paciasp", 0xd503233f, EL0t, 0, 9, 9, EL0t},
	{"isb", 0xd5033fdf, EL0t, 0, 9, 9, EL0t},
	{"ic iallu", 0xd508751f, EL1h, 0, 9, 9, EL1h},
	{"dc cisw", 0xd5087e40, EL1h, 0, 9, 9, EL1h},
	{"dc zva at EL0 with DZE", 0xd50b7421, EL0t, SCTLR_DZE | SV_SCTLR_C, 9, 9, EL0t},
	{"dc cvac at EL0 with UCI", 0xd50b7a21, EL0t, SCTLR_UCI, 9, 9, EL0t},
};

static void moves_registers(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (size_t i = 0; i < COUNT(moves); i++) {
		const char *name = moves[i].name;

		board_reset(board);
		mmu_on(board);
		for (uint64_t page = CODE; page < CODE + RAM_BYTES; page += PAGE)
			map_page(board, page, page,
				 S1_NORMAL | (page >= DATA || !(moves[i].mode & 4) ? S1_EL0 : 0));
		cpu->sysreg[SOFT_SCTLR_EL1] = 0x00c00001 | moves[i].sctlr;
		soft_cpu_changed(cpu);
		cpu->pstate = moves[i].mode;
		cpu->sp[0] = 0x5000;
		cpu->sysreg[SOFT_TPIDR_EL0] = 0x7d0;
		cpu->sysreg[SOFT_TPIDRRO_EL0] = 0x7d1;
		cpu->x[0] = moves[i].in;
		cpu->x[1] = DATA;
		check(name, step(board, moves[i].word) == SOFT_BUDGET);
		check(name, cpu->pc == CODE + 4);
		check(name, cpu->x[0] == moves[i].out);
		check(name, cpu->pstate == moves[i].after);
	}
}

/* The host's view; what cannot be written keeps its value. */
static void host_registers(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;
	uint64_t value;

	for (unsigned i = 0; i < SOFT_REG_COUNT; i++) {
		const struct soft_reg_info *info = &soft_regs[i];
		bool fixed = info->access & 16;

		board_reset(board);
		check(info->name, soft_cpu_get(cpu, info->encoding, &value));
		check(info->name, soft_cpu_set(cpu, info->encoding, value));
		check(info->name, soft_cpu_set(cpu, info->encoding, ~value) == !fixed);
		check(info->name, soft_cpu_get(cpu, info->encoding, &value));
		check(info->name, ((value ^ info->reset) & ~info->writable) == 0 || i == SOFT_OSLSR_EL1);
	}
	assert_false(soft_cpu_get(cpu, 0, &value));
	assert_false(soft_cpu_set(cpu, 0xffff, 1));
}

/* SPSR_EL1 to PSTATE. What is no state to return to sets IL, and leaves level and stack pointer. */
static const struct {
	const char *name;
	uint64_t spsr, after;
} returns[] = {
	{"EL0", 0, 0},
	{"EL1t", 4, 4},
	{"EL1h with flags and masks", 0xf00003c5, 0xf00003c5},
	{"PAN and UAO", 0x00c00005, 0x00c00005},
	{"IL stays", 0x00100005, 0x00100005},
	{"bits that are not there", 0xffffffff0f0ffc25, 5},
	{"M[1]", 6, 5 | PSTATE_IL},
	{"M[0] of EL0", 1, 5 | PSTATE_IL},
	{"EL2", 9, 5 | PSTATE_IL},
	{"EL2t", 8, 5 | PSTATE_IL},
	{"EL3", 13, 5 | PSTATE_IL},
	{"AArch32", 0x10, 5 | PSTATE_IL},
	{"AArch32 with flags", 0xa00001d3, 0xa00001c5 | PSTATE_IL},
};

static void exception_returns(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (size_t i = 0; i < COUNT(returns); i++) {
		const char *name = returns[i].name;
		uint64_t after = returns[i].after;

		board_reset(board);
		cpu->sysreg[SOFT_SPSR_EL1] = returns[i].spsr;
		cpu->sysreg[SOFT_ELR_EL1] = CODE + 0x100;
		step(board, ERET);
		check(name, cpu->pc == CODE + 0x100);
		check(name, cpu->pstate == after);
		/* With IL the next instruction is none, whatever it is. */
		soft_cpu_run(cpu, &board->bus, 1);
		if (after & PSTATE_IL) {
			check(name, cpu->sysreg[SOFT_ESR_EL1] == 0x3a000000);
			check(name, cpu->sysreg[SOFT_ELR_EL1] == CODE + 0x100);
			check(name, !(cpu->pstate & PSTATE_IL));
			check(name, cpu->sysreg[SOFT_SPSR_EL1] & PSTATE_IL);
		}
	}
}

/* EL1's permissions, and the fetch's own faults. */
static void fetches(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;
	static const struct {
		const char *name;
		uint64_t pc, pstate, esr;
	} cases[] = {
		{"misaligned PC", CODE + 2, EL1h, 0x8a000000},
		{"misaligned PC at EL0", CODE + 1, EL0t, 0x8a000000},
		{"nothing there", CODE + RAM_BYTES, EL1h, 0x86000007},
		{"nothing there, EL0", CODE + RAM_BYTES, EL0t, 0x82000007},
		{"not for EL0", CODE, EL0t, 0x8200000f},
		{"execute never", DATA, EL1h, 0x8600000f},
		{"out of range", UINT64_C(1) << 45, EL1h, 0x86000004},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		board_reset(board);
		mmu_on(board);
		map_page(board, CODE, CODE, S1_NORMAL | S1_UXN);
		map_page(board, DATA, DATA, S1_NORMAL | S1_PXN);
		cpu->pc = cases[i].pc;
		cpu->pstate = cases[i].pstate;
		check(cases[i].name, soft_cpu_run(cpu, &board->bus, 1) == SOFT_BUDGET);
		check(cases[i].name, cpu->sysreg[SOFT_ESR_EL1] == cases[i].esr);
		check(cases[i].name, cpu->sysreg[SOFT_FAR_EL1] == cases[i].pc);
		check(cases[i].name, cpu->sysreg[SOFT_ELR_EL1] == cases[i].pc);
	}
	/* A tag does not get into the PC where TBI is on; the upper half keeps its sign. */
	board_reset(board);
	cpu->sysreg[SOFT_TCR_EL1] = UINT64_C(3) << 37;
	cpu->x[0] = UINT64_C(0xa5) << 56 | CODE;
	step(board, 0xd63f0000); /* blr x0 */
	assert_true(cpu->pc == CODE && cpu->x[30] == CODE + 4);
	cpu->x[0] = UINT64_C(0x5aff) << 48 | 8;
	step(board, 0xd61f0000); /* br x0 */
	assert_int_equal(cpu->pc, UINT64_C(0xffff) << 48 | 8);
	board_reset(board);
	cpu->x[0] = UINT64_C(0xa5) << 56 | CODE;
	step(board, 0xd61f0000);
	assert_int_equal(cpu->pc, cpu->x[0]);
}

/* PAR_EL1: an address with its attributes, or a fault; an abort where stage 2 has no table. */
static void address_translation(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;
	static const struct {
		const char *name;
		uint32_t word;
		uint64_t attributes, pstate, par;
	} cases[] = {
		{"at s1e1r", 0xd5087801, S1_NORMAL | UINT64_C(3) << 8, EL1h, 0xff00000000000980 | DATA},
		{"at s1e1r, Device", 0xd5087801, S1_DEVICE, EL1h, 0x0400000000000900 | DATA},
		{"at s1e1w, read-only", 0xd5087821, S1_NORMAL | S1_RO, EL1h, 0x81f},
		{"at s1e0r, EL1's", 0xd5087841, S1_NORMAL, EL1h, 0x81f},
		{"at s1e0r", 0xd5087841, S1_NORMAL | S1_EL0, EL1h, 0xff00000000000800 | DATA},
		{"at s1e1r with PAN", 0xd5087801, S1_NORMAL | S1_EL0, EL1h | SV_PSTATE_PAN,
		 0xff00000000000800 | DATA},
		{"at s1e1rp with PAN", 0xd5087901, S1_NORMAL | S1_EL0, EL1h | SV_PSTATE_PAN, 0x81f},
		{"at s1e1rp without", 0xd5087901, S1_NORMAL | S1_EL0, EL1h, 0xff00000000000800 | DATA},
	};
	uint64_t ipa = 0;

	for (size_t i = 0; i < COUNT(cases); i++) {
		board_reset(board);
		mmu_on(board);
		map_page(board, DATA + PAGE, DATA, cases[i].attributes);
		cpu->pstate = cases[i].pstate;
		cpu->x[1] = DATA + PAGE + 0x123;
		check(cases[i].name, step(board, cases[i].word) == SOFT_BUDGET);
		check(cases[i].name, cpu->pc == CODE + 4 && cpu->pstate == cases[i].pstate);
		check(cases[i].name, cpu->sysreg[SOFT_PAR_EL1] == cases[i].par);
	}
	assert_true(soft_cpu_translate(cpu, &board->bus, DATA + PAGE + 0x123, false, false, &ipa));
	assert_int_equal(ipa, DATA + 0x123);
	assert_false(soft_cpu_translate(cpu, &board->bus, HOLE, false, false, &ipa));
	board->answer[(TABLES + 2 * PAGE - RAM) / PAGE] =
		(struct answer){.fault = true, .page = {.fsc = 0x07}};
	put64(board, TABLES + PAGE + ((DATA + (2u << 20)) >> 21 & 511) * 8, (TABLES + 3 * PAGE) | 3);
	board->answer[(TABLES + 3 * PAGE - RAM) / PAGE] = board->answer[(TABLES + 2 * PAGE - RAM) / PAGE];
	board->answer[(TABLES + 2 * PAGE - RAM) / PAGE] = (struct answer){0};
	cpu->x[1] = DATA + (2u << 20);
	assert_int_equal(step(board, 0xd5087801), SOFT_ABORT);
	assert_int_equal(cpu->abort.esr, 0x920001c7);
	assert_int_equal(cpu->pc, CODE + 4);
}

/* An SError waits for PSTATE.A; ESB takes a masked one down; ISR_EL1 shows it. */
static void serrors(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (unsigned masked = 0; masked < 2; masked++) {
		board_reset(board);
		cpu->serror_pending = true;
		cpu->serror_iss = 0x1000042;
		cpu->pstate = masked ? EL1h : EL1h & ~A;
		step(board, 0xd538c100); /* mrs x0, isr_el1 */
		assert_int_equal(cpu->pc, masked ? CODE + 4 : VECTORS + 0x380);
		assert_int_equal(cpu->serror_pending, masked);
		if (!masked) {
			assert_int_equal(cpu->sysreg[SOFT_ESR_EL1], 0xbf000042);
			assert_int_equal(cpu->sysreg[SOFT_ELR_EL1], CODE);
			continue;
		}
		assert_int_equal(cpu->x[0], 0x100);
		step(board, 0xd503221f); /* esb */
		assert_false(cpu->serror_pending);
		assert_int_equal(cpu->sysreg[SOFT_DISR_EL1], 0x81000042);
	}
	/* Unmasking lets it in before the next instruction. */
	board_reset(board);
	cpu->serror_pending = true;
	CODE_IS(board, 0xd50344ff /* msr daifclr, #4 */, NOP);
	soft_cpu_run(cpu, &board->bus, 2);
	assert_int_equal(cpu->pc, VECTORS + 0x380);
	assert_int_equal(cpu->sysreg[SOFT_ELR_EL1], CODE + 4);
}

/* The guest's software step: MDSCR_EL1.SS, of EL0 by an ERET with SPSR_EL1.SS. */
static void software_step(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (unsigned i = 0; i < 3; i++) {
		static const struct {
			uint32_t word;
			uint64_t iss, elr, spsr;
		} stepped[] = {{NOP, 0x1000022, CODE + 0x104, 0},
			       {LDXR_X1_X0, 0x1000062, CODE + 0x104, 0},
			       {SVC_5, 0, 0, 0}};

		board_reset(board);
		cpu->sysreg[SOFT_MDSCR_EL1] = MDSCR_SS;
		cpu->sysreg[SOFT_SPSR_EL1] = SS;
		cpu->sysreg[SOFT_ELR_EL1] = CODE + 0x100;
		CODE_IS(board, ERET);
		put_words(board, CODE + 0x100, &stepped[i].word, 1);
		cpu->x[0] = DATA;
		soft_cpu_run(cpu, &board->bus, 1);
		assert_int_equal(cpu->pstate, SS);
		soft_cpu_run(cpu, &board->bus, 1);
		if (stepped[i].word == SVC_5) { /* taken as itself; it has been stepped */
			assert_int_equal(cpu->sysreg[SOFT_ESR_EL1], 0x56000005);
			assert_int_equal(cpu->sysreg[SOFT_SPSR_EL1], 0);
			continue;
		}
		assert_int_equal(cpu->pc, CODE + 0x104);
		assert_int_equal(cpu->pstate, 0);
		soft_cpu_run(cpu, &board->bus, 1);
		assert_int_equal(cpu->pc, VECTORS + 0x400);
		assert_int_equal(cpu->sysreg[SOFT_ESR_EL1], UINT64_C(0x32) << 26 | 1 << 25 | stepped[i].iss);
		assert_int_equal(cpu->sysreg[SOFT_ELR_EL1], stepped[i].elr);
	}
	/* At EL1 only with KDE and D clear; never under the OS Lock. */
	for (unsigned i = 0; i < 8; i++) {
		bool kde = i & 1, masked = i & 2, lock = i & 4, steps = kde && !masked && !lock;

		board_reset(board);
		cpu->sysreg[SOFT_MDSCR_EL1] = MDSCR_SS | (kde ? MDSCR_KDE : 0);
		assert_true(soft_cpu_set(cpu, soft_regs[SOFT_OSLAR_EL1].encoding, lock));
		cpu->pstate = masked ? EL1h : EL1h & ~D;
		step(board, NOP);
		assert_int_equal(cpu->pc, steps ? VECTORS + 0x200 : CODE + 4);
		if (steps)
			assert_int_equal(cpu->sysreg[SOFT_ESR_EL1], UINT64_C(0x33) << 26 | 1 << 25 | 0x22);
	}
}

/* The host's: after each instruction, or exception, whatever the guest's own step is. */
static void host_step(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	board_reset(board);
	cpu->host_step = true;
	cpu->sysreg[SOFT_MDSCR_EL1] = MDSCR_SS;
	CODE_IS(board, NOP, SVC_5, HVC_7);
	cpu->pstate = EL0t;
	assert_int_equal(soft_cpu_run(cpu, &board->bus, 100), SOFT_DEBUG);
	assert_int_equal(cpu->pc, CODE + 4);
	assert_int_equal(soft_cpu_run(cpu, &board->bus, 100), SOFT_DEBUG);
	assert_int_equal(cpu->pc, VECTORS + 0x400);
	cpu->pc = CODE + 8;
	assert_int_equal(soft_cpu_run(cpu, &board->bus, 100), SOFT_HVC);
	cpu->x[0] = HOLE;
	cpu->pc = CODE;
	assert_int_equal(step(board, LDR_X1_X0), SOFT_ABORT);
	assert_int_equal(soft_cpu_run(cpu, &board->bus, 0), SOFT_BUDGET);
}

static void ends(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;
	static const struct {
		const char *name;
		uint32_t word;
		uint64_t mode, sctlr;
		enum soft_exit exit;
		unsigned immediate, after;
	} cases[] = {
		{"hvc", HVC_7, EL1h, 0, SOFT_HVC, 7, 4},
		{"smc", 0xd4000123, EL1h, 0, SOFT_SMC, 9, 0},
		{"wfi", WFI, EL1h, 0, SOFT_WFI, 0, 4},
		{"wfe", 0xd503205f, EL1h, 0, SOFT_WFE, 0, 4},
		{"wfi at EL0", WFI, EL0t, SCTLR_nTWI, SOFT_WFI, 0, 4},
		{"wfe at EL0", 0xd503205f, EL0t, SCTLR_nTWE, SOFT_WFE, 0, 4},
		{"nop", NOP, EL0t, 0, SOFT_BUDGET, 0, 4},
		{"yield", 0xd503203f, EL0t, 0, SOFT_BUDGET, 0, 4},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		board_reset(board);
		cpu->sysreg[SOFT_SCTLR_EL1] = cases[i].sctlr;
		cpu->pstate = cases[i].mode;
		check(cases[i].name, step(board, cases[i].word) == cases[i].exit);
		check(cases[i].name, cpu->immediate == cases[i].immediate);
		check(cases[i].name, cpu->pc == CODE + cases[i].after);
		check(cases[i].name, cpu->pstate == cases[i].mode && cpu->retired == 1);
	}
	/* A budget, and a kick: before the next instruction, until it is taken back. */
	board_reset(board);
	CODE_IS(board, 0x14000000); /* b . */
	assert_int_equal(soft_cpu_run(cpu, &board->bus, 1000), SOFT_BUDGET);
	assert_int_equal(cpu->retired, 1000);
	atomic_store(&cpu->kick, true);
	assert_int_equal(soft_cpu_run(cpu, &board->bus, 1000), SOFT_BUDGET);
	assert_int_equal(cpu->retired, 1000);
	soft_cpu_destroy(NULL);
}

/* An injection from outside is what the CPU takes itself. */
static void injection(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;
	struct sv_injection data = {
		.kind = SV_EXCEPTION_DATA_EXTERNAL, .fsc = 0x10, .va = 0x1234, .va_exact = true};

	board_reset(board);
	cpu->pstate = EL0t;
	assert_int_equal(soft_cpu_inject(cpu, &data), SV_OK);
	assert_int_equal(cpu->pc, VECTORS + 0x400);
	assert_int_equal(cpu->sysreg[SOFT_ESR_EL1], 0x92000010);
	assert_int_equal(cpu->sysreg[SOFT_FAR_EL1], 0x1234);
	assert_int_equal(cpu->sysreg[SOFT_ELR_EL1], CODE);
	data.fsc = 0x3f;
	assert_int_equal(soft_cpu_inject(cpu, &data), SV_MALFORMED);
	assert_int_equal(cpu->pc, VECTORS + 0x400);
}

/* From kernel to user and back with the MMU on, as a small kernel does it: sums 1 to 100 at EL0. */
static void small_kernel(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	board_reset(board);
	mmu_on(board);
	map_page(board, CODE + PAGE, CODE + PAGE, S1_NORMAL | S1_EL0 | S1_RO);
	CODE_IS(board, 0xd5184020, /* msr elr_el1, x0 */
		0xd5184001,        /* msr spsr_el1, x1 */
		ERET);
	put_words(board, CODE + PAGE,
		  (const uint32_t[]){0x8b030042, /* 1: add x2, x2, x3 */
				     0xf1000463, /* subs x3, x3, #1 */
				     0x54ffffc1, /* b.ne 1b */
				     SVC_5},
		  4);
	put_words(board, VECTORS + 0x400, (const uint32_t[]){HVC_7}, 1);
	cpu->x[0] = CODE + PAGE;
	cpu->x[1] = 0;
	cpu->x[3] = 100;
	assert_int_equal(soft_cpu_run(cpu, &board->bus, 10000), SOFT_HVC);
	assert_int_equal(cpu->x[2], 5050);
	assert_int_equal(cpu->retired, 3 + 300 + 1 + 1);
	assert_int_equal(cpu->sysreg[SOFT_ELR_EL1], CODE + PAGE + 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(takes_exceptions, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(moves_registers, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(host_registers, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(exception_returns, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(fetches, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(address_translation, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(serrors, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(software_step, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(host_step, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(ends, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(injection, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(small_kernel, board_setup, board_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
