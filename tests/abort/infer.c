/* SPDX-License-Identifier: BSD-2-Clause */
/* What an instruction is about to access, where the hardware does not say: and what cannot be told. */
#include "machine.h"

#define PAGE1 (RAM_BASE + 0x1000)
#define PAGE2 (RAM_BASE + 0x2000)

#define LDR_LITERAL 0x58010001 /* ldr x1, #0x2000 */
#define DC_ZVA      0xd50b7420 /* dc zva, x0 */
#define DC_CIVAC    0xd50b7e20 /* dc civac, x0 */
#define CPYFP       0x19010440 /* cpyfp [x0]!, [x1]!, x2! */
#define LD64B       0xf83fd002 /* ld64b x2, [x0] */
#define LDRQ        0x3dc00001 /* ldr q1, [x0] */

/* x0 is the base. Of those that are told, the first byte in memory. */
static void accesses(void **state)
{
	static const struct {
		const char *name;
		uint32_t word;
		uint64_t x0;
		bool write, cm;
		enum sv_reason reason;
		uint64_t ipa;
	} cases[] = {
		{"ldr", LDR_IMM, PAGE1 + 8, false, false, SV_REASON_NONE, PAGE1 + 8},
		{"ldr, last of a page", LDR_IMM, PAGE2 - 8, false, false, SV_REASON_NONE, PAGE2 - 8},
		{"ldr, two pages", LDR_IMM, PAGE2 - 4, false, false, SV_REASON_AMBIGUOUS, 0},
		{"ldr, but a write", LDR_IMM, PAGE1, true, false, SV_REASON_DIRECTION, 0},
		{"ldr, but maintenance", LDR_IMM, PAGE1, true, true, SV_REASON_CACHE_OP, 0},
		{"ldr post", LDR_POST, PAGE1, false, false, SV_REASON_NONE, PAGE1},
		{"str post", STR_POST, PAGE1, true, false, SV_REASON_NONE, PAGE1},
		{"str, but a read", STR_POST, PAGE1, false, false, SV_REASON_DIRECTION, 0},
		{"strb pre", STRB_PRE, PAGE1, true, false, SV_REASON_NONE, PAGE1 - 1},
		{"ldp", LDP, PAGE1 + 0x10, false, false, SV_REASON_NONE, PAGE1 + 0x10},
		{"ldp, two pages", LDP, PAGE2 - 8, false, false, SV_REASON_AMBIGUOUS, 0},
		{"ldp, half in a device", LDP, RAM_BASE + RAM_SIZE - 8, false, false, SV_REASON_NONE,
		 RAM_BASE + RAM_SIZE - 8},
		{"ldp, all in a device", LDP, RECORDER, false, false, SV_REASON_AMBIGUOUS, 0},
		{"ldp, a hole", LDP, 0x0b000000, false, false, SV_REASON_AMBIGUOUS, 0},
		{"ldr literal", LDR_LITERAL, 0, false, false, SV_REASON_NONE, PAGE2},
		{"ldadd as a read", LDADD, PAGE1, false, false, SV_REASON_NONE, PAGE1},
		{"ldadd as a write", LDADD, PAGE1, true, false, SV_REASON_NONE, PAGE1},
		{"ldxr", LDXR, PAGE1, false, false, SV_REASON_NONE, PAGE1},
		{"stxr", STXR, PAGE1, true, false, SV_REASON_NONE, PAGE1},
		{"dc zva", DC_ZVA, PAGE1 + 0x47, true, false, SV_REASON_NONE, PAGE1 + 0x40},
		{"ldr q", LDRQ, PAGE1, false, false, SV_REASON_NONE, PAGE1},
		{"dc civac", DC_CIVAC, PAGE1, true, true, SV_REASON_REFUSED_CACHE, 0},
		{"dc civac, but a write", DC_CIVAC, PAGE1, true, false, SV_REASON_CACHE_OP, 0},
		{"a copy may be behind", CPYFP, PAGE1, false, false, SV_REASON_AMBIGUOUS, 0},
		{"nop", NOP, PAGE1, false, false, SV_REASON_NOT_DECODED, 0},
		{"flash", LDR_IMM, FLASH, false, false, SV_REASON_NONE, FLASH},
		{"flash cannot be written", STR_POST, FLASH, true, false, SV_REASON_AMBIGUOUS, 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		static struct machine machine;
		struct sv_session session;
		struct sv_report *report = &session.report;
		enum sv_reason reason;

		setup(&machine, NULL);
		map_flat(&machine);
		memory_write(&machine.vcpu, RAM_BASE, 4, cases[i].word);
		machine.vcpu.regs[SV_X0] = cases[i].x0;
		machine.vcpu.regs[SV_X0 + 1] = PAGE1 + 0x100;
		machine.vcpu.regs[SV_X0 + 2] = cases[i].word == CPYFP ? 64 : X2;
		check(cases[i].name, !sv_infer_begin(&session, &machine.vcpu.cpu, &machine.space));
		check(cases[i].name, report->has_pc && report->pc == RAM_BASE && !report->has_insn);
		check(cases[i].name, machine.vcpu.loads == 0);
		reason = sv_infer_instruction(&session);
		check(cases[i].name, report->has_insn == !reason);
		reason = sv_infer_access(&session, cases[i].write, cases[i].cm);
		if (reason != cases[i].reason)
			fail_msg("%s: %s", cases[i].name, sv_reason_text(reason));
		check(cases[i].name, report->has_va == !reason);
		check(cases[i].name, reason || (report->va == cases[i].ipa && report->ipa == cases[i].ipa));
		check(cases[i].name, machine.vcpu.sets == 0 && machine.vcpu.stores == 0);
		check(cases[i].name, machine.vcpu.loads <= 8 && machine.vcpu.injections == 0);
	}
}

/* Where nothing can be read, and nothing may. */
static void refused(void **state)
{
	static const struct {
		const char *name;
		unsigned flags;
		uint64_t pc, pstate;
		uint64_t poisoned;
		enum sv_reg broken;
		enum sv_reason begin, instruction;
		bool has_pc;
	} cases[] = {
		{"protected", SV_CPU_PROTECTED, RAM_BASE, 0, 0, SV_REG_COUNT, SV_REASON_PROTECTED, 0, false},
		{"EL2", SV_CPU_EL2, RAM_BASE, 0, 0, SV_REG_COUNT, SV_REASON_VIRTUAL_EL2, 0, true},
		{"AArch32", 0, RAM_BASE, 0x1d3, 0, SV_REG_COUNT, SV_REASON_AARCH32, 0, true},
		{"no PC", 0, RAM_BASE, 0, 0, SV_PC, SV_REASON_REGISTER, 0, false},
		{"no PSTATE", 0, RAM_BASE, 0, 0, SV_PSTATE, SV_REASON_REGISTER, 0, true},
		{"no SCTLR_EL1", 0, RAM_BASE, 0, 0, SV_SCTLR_EL1, SV_REASON_REGISTER, 0, true},
		{"opcode is bad", 0, RAM_BASE, 0, RAM_BASE, SV_REG_COUNT, 0, SV_REASON_FETCH_FAULT, true},
		{"pc in a hole", 0, 0x0b000000, 0, 0, SV_REG_COUNT, 0, SV_REASON_PC_NOT_MEMORY, true},
		{"odd pc", 0, RAM_BASE + 2, 0, 0, SV_REG_COUNT, 0, SV_REASON_PC_TRANSLATION, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		static struct machine machine;
		struct sv_session session;

		setup(&machine, NULL);
		memory_write(&machine.vcpu, RAM_BASE, 4, LDR_IMM);
		machine.vcpu.cpu.flags = cases[i].flags;
		machine.vcpu.regs[SV_PC] = cases[i].pc;
		machine.vcpu.regs[SV_PSTATE] = cases[i].pstate;
		machine.vcpu.poisoned = cases[i].poisoned;
		machine.vcpu.broken_reg = cases[i].broken;
		check(cases[i].name,
		      sv_infer_begin(&session, &machine.vcpu.cpu, &machine.space) == cases[i].begin);
		check(cases[i].name, session.report.has_pc == cases[i].has_pc);
		if (cases[i].begin)
			continue;
		check(cases[i].name, sv_infer_instruction(&session) == cases[i].instruction);
		check(cases[i].name, sv_infer_access(&session, false, false) == SV_REASON_NOT_DECODED);
		check(cases[i].name, !session.report.has_va);
	}
}

/* 4 KiB granules and 30 bits: a table of level 2 in the last page, one of level 3 in the page before. */
#define LEVEL2 (RAM_BASE + 0x3000)
#define LEVEL3 (RAM_BASE + 0x2000)

static void map_pages(struct machine *machine)
{
	uint64_t *regs = machine->vcpu.regs;

	memory_write(&machine->vcpu, LEVEL2 + 8 * (PAGE1 >> 21 & 511), 8, LEVEL3 | 3);
	memory_write(&machine->vcpu, LEVEL3 + 8 * 0, 8, RAM_BASE | 0x403);
	memory_write(&machine->vcpu, LEVEL3 + 8 * 5, 8, PAGE1 | 0x403);
	regs[SV_TTBR0_EL1] = LEVEL2;
	regs[SV_TCR_EL1] = 34 | UINT64_C(5) << 32;
	regs[SV_MAIR_EL1] = 0xff;
	regs[SV_SCTLR_EL1] |= SV_SCTLR_M;
	regs[SV_PC] = 0;
}

static void translated(void **state)
{
	static struct machine machine;
	struct sv_session session;
	struct sv_translation translation;
	struct sv_access_kind load = {0};
	uint64_t ipa = 0;

	setup(&machine, NULL);
	map_pages(&machine);
	memory_write(&machine.vcpu, RAM_BASE, 4, LDP);
	machine.vcpu.regs[SV_X0] = 0x5ff0;
	assert_int_equal(sv_infer_begin(&session, &machine.vcpu.cpu, &machine.space), SV_REASON_NONE);
	assert_int_equal(sv_infer_instruction(&session), SV_REASON_NONE);
	assert_int_equal(sv_infer_access(&session, false, false), SV_REASON_NONE);
	assert_int_equal(session.report.va, 0x5ff0);
	assert_int_equal(session.report.ipa, PAGE1 + 0xff0);

	assert_int_equal(sv_infer_translate(&session, 0x5123, load, &translation), SV_REASON_NONE);
	assert_int_equal(translation.ipa, PAGE1 + 0x123);
	assert_int_equal(sv_infer_translate(&session, 0x6000, load, &translation),
			 SV_REASON_DATA_TRANSLATION);
	assert_int_equal(translation.level, 3);

	/* The descriptors by level, also where they are in a page that must not be touched. */
	assert_int_equal(sv_infer_table(&session, 0x5123, load, 3, &ipa), SV_REASON_NONE);
	assert_int_equal(ipa, LEVEL3 + 8 * 5);
	assert_int_equal(sv_infer_table(&session, 0x5123, load, 2, &ipa), SV_REASON_NONE);
	assert_int_equal(ipa, LEVEL2 + 8 * (PAGE1 >> 21 & 511));
	machine.vcpu.poisoned = LEVEL3;
	assert_int_equal(sv_infer_table(&session, 0x5123, load, 3, &ipa), SV_REASON_NONE);
	assert_int_equal(ipa, LEVEL3 + 8 * 5);
	/* No such level; beyond a descriptor that cannot be read or that leads nowhere. */
	for (int level = -1; level < 2; level++)
		assert_int_not_equal(sv_infer_table(&session, 0x5123, load, level, &ipa), SV_REASON_NONE);
	machine.vcpu.poisoned = LEVEL2;
	assert_int_equal(sv_infer_table(&session, 0x5123, load, 3, &ipa), SV_REASON_MEMORY_FAULT);
	machine.vcpu.poisoned = 0;
	assert_int_equal(sv_infer_table(&session, 0x200000, load, 3, &ipa), SV_REASON_DATA_TRANSLATION);

	/* A walk that meets the bad page is told from one that leads nowhere. */
	machine.vcpu.poisoned = LEVEL3;
	assert_int_equal(sv_infer_translate(&session, 0x5123, load, &translation), SV_REASON_MEMORY_FAULT);
	assert_int_equal(translation.level, 3);
	assert_int_equal(translation.no_table, false);
	assert_int_equal(machine.vcpu.sets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accesses),
		cmocka_unit_test(refused),
		cmocka_unit_test(translated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
