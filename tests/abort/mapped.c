/* SPDX-License-Identifier: BSD-2-Clause */
/* Sessions with the MMU on. */
#include "machine.h"

/*
 * Two pages side by side in the guest's view, 4 KiB granules: unaligned elements on Normal memory, and what
 * lies across their border.
 */
#define LEVEL2    (RAM_BASE + 0x1000)
#define LEVEL3    (RAM_BASE + 0x2000)
#define LEVEL1    (RAM_BASE + 0x3020) /* four entries for 32 bits of address: aligned to that and no more */
#define BORDER    UINT64_C(0x200000)
#define NORMAL    0
#define DEVICE    (1 << 2)
#define KERNELS   (1 << 7) /* of attributes below: not EL0's */
#define READ_ONLY (1 << 8)
#define NO_PAGE   1

struct mapped_case {
	const char *name;
	uint32_t word;
	uint64_t x0;
	uint64_t pages[2]; /* IPA, or NO_PAGE */
	uint64_t fault_ipa;
	struct expected want;
	unsigned attributes[2];
	uint64_t pstate, sctlr, poisoned, va;
	enum sv_exception_kind kind; /* of what is injected */
	unsigned fsc;                /* 0: an external abort */
	uint64_t tcr, ttbr, code,
		second_table; /* differences to what TCR_EL1, TTBR0_EL1 and descriptors are */
};

#define ODD_PAGE (RECORDER + 0x5000)
#define SPLIT    "r1@a000ffd r2@a000ffe r4@a005000 r1@a005004"

static const struct mapped_case mapped_cases[] = {
	{"unaligned inside a page is one access",
	 LDR_POST,
	 BORDER - 0x1000 + 1,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 1,
	 DONE("r8@a000001", NULL, BORDER - 0x1000 + 9, 0x81f7e6d5c4b3a291, X2)},
	{"unaligned up to the border is one access",
	 LDR_POST,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 DONE("r8@a000ff8", NULL, BORDER, 0xf8e9dacbbcad9e8f, X2)},
	{"an element across pages goes out in aligned parts",
	 LDR_POST,
	 BORDER - 3,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xffd,
	 DONE(SPLIT, NULL, BORDER + 5, 0xc4b3a29180f8e9da, X2)},
	{"the abort may be the second page's",
	 LDR_POST,
	 BORDER - 3,
	 {RECORDER, ODD_PAGE},
	 ODD_PAGE,
	 DONE(SPLIT, NULL, BORDER + 5, 0xc4b3a29180f8e9da, X2)},
	{"but not the byte behind",
	 LDR_POST,
	 BORDER - 3,
	 {RECORDER, ODD_PAGE},
	 ODD_PAGE + 5,
	 RETRIED(MISMATCH, ADDRESS)},
	{"big-endian across pages",
	 LDR_POST,
	 BORDER - 3,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xffd,
	 DONE(SPLIT, NULL, BORDER + 5, 0xdae9f88091a2b3c4, X2),
	 .pstate = 0x3c0,
	 .sctlr = SV_SCTLR_E0E},
	{"the second element of a pair across pages",
	 LDPW,
	 BORDER - 6,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xffa,
	 DONE("r4@a000ffa r2@a000ffe r2@a005000", NULL, BORDER - 6, 0xdacbbcad, 0x9180f8e9)},
	{"a remainder is not merged with the next element",
	 LDPW,
	 BORDER - 3,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xffd,
	 DONE("r1@a000ffd r2@a000ffe r1@a005000 r4@a005001", NULL, BORDER - 3, 0x80f8e9da, 0xc4b3a291)},
	{"a window that takes nothing unaligned",
	 LDPW,
	 BORDER - 0x1000 + 2,
	 {REGISTER_FILE, NO_PAGE},
	 REGISTER_FILE + 2,
	 INJECTED(NISV, WINDOW, "", "device window"),
	 .va = BORDER - 0x1000 + 2},
	{"a store to a read-only page",
	 STRW_POST,
	 BORDER - 4,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xffc,
	 RETRIED(UNTRANSLATABLE, DATA_TRANSLATION),
	 .attributes = {READ_ONLY, NORMAL}},
	{"a load from it",
	 LDR_POST,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 DONE("r8@a000ff8", NULL, BORDER, 0xf8e9dacbbcad9e8f, X2),
	 .attributes = {READ_ONLY, NORMAL}},
	{"code that EL1 does not execute",
	 LDR_POST,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 RETRIED(UNTRANSLATABLE, PC_TRANSLATION),
	 .code = UINT64_C(1) << 53},
	{"code that EL0 does not execute",
	 LDR_POST,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 RETRIED(UNTRANSLATABLE, PC_TRANSLATION),
	 .code = UINT64_C(1) << 54,
	 .pstate = 0x3c0},
	{"a reserved granule, of the data's half alone",
	 LDR_POST,
	 UINT64_MAX - 7,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 INJECTED(UNSUPPORTED, WALK_UNSUPPORTED, "", "default unsupported=inject"),
	 .tcr = UINT64_C(2) << 30},
	{"half in memory",
	 STRW_POST,
	 BORDER - 2,
	 {RAM_BASE, RECORDER},
	 RECORDER,
	 DONE("w2@a000000=2222", NULL, BORDER + 2, X1, X2)},
	{"a tag",
	 LDR_POST,
	 BORDER - 8 + (UINT64_C(0x5a) << 56),
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 DONE("r8@a000ff8", NULL, BORDER + (UINT64_C(0x5a) << 56), 0xf8e9dacbbcad9e8f, X2)},
	{"unaligned on Device memory",
	 LDR_POST,
	 BORDER - 0x1000 + 1,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 1,
	 RETRIED(UNTRANSLATABLE, ALIGNMENT),
	 .attributes = {DEVICE, NORMAL},
	 .va = BORDER - 0x1000 + 1},
	{"a predicate, unaligned",
	 LDR_P,
	 BORDER - 0x1000 + 1,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 1,
	 DONE("r1@a000001 r1@a000002", NULL, BORDER - 0x1000 + 1, X1, X2)},
	{"a predicate, unaligned on Device memory",
	 LDR_P,
	 BORDER - 0x1000 + 1,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 1,
	 RETRIED(UNTRANSLATABLE, ALIGNMENT),
	 .attributes = {DEVICE, NORMAL},
	 .va = BORDER - 0x1000 + 1},
	{"a pair of an atomic, unaligned inside 16 bytes",
	 CASPW,
	 BORDER - 0x1000 + 2,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 2,
	 {SV_VERDICT_RESUME, SV_ENDING_COMPLETED, SV_CAUSE_ATOMIC, SV_REASON_NONE, "cas8@a000002", NULL,
	  BORDER - 0x1000 + 2, X1, 0xd5c4b3a2}},
	{"a pair of an atomic, across 16 bytes",
	 CASPW,
	 BORDER - 0x1000 + 12,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 12,
	 RETRIED(UNTRANSLATABLE, ALIGNMENT),
	 .va = BORDER - 0x1000 + 12},
	{"a pair of an atomic, unaligned on Device memory",
	 CASPW,
	 BORDER - 0x1000 + 2,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 2,
	 RETRIED(UNTRANSLATABLE, ALIGNMENT),
	 .attributes = {DEVICE, NORMAL},
	 .va = BORDER - 0x1000 + 2},
	{"unaligned, its end on Device memory",
	 LDR_POST,
	 BORDER - 3,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xffd,
	 RETRIED(UNTRANSLATABLE, ALIGNMENT),
	 .attributes = {NORMAL, DEVICE},
	 .va = BORDER},
	{"aligned on Device memory",
	 LDR_POST,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 DONE("r8@a000ff8", NULL, BORDER, 0xf8e9dacbbcad9e8f, X2),
	 .attributes = {DEVICE, NORMAL}},
	{"no second page",
	 LDP,
	 BORDER - 8,
	 {RECORDER, NO_PAGE},
	 RECORDER + 0xff8,
	 INJECTED(UNTRANSLATABLE, DATA_TRANSLATION, "", NULL),
	 .va = BORDER,
	 .kind = SV_EXCEPTION_DATA_STAGE1,
	 .fsc = 0x07},
	{"no second page, for an element that crosses",
	 LDR_POST,
	 BORDER - 3,
	 {RECORDER, NO_PAGE},
	 RECORDER + 0xffd,
	 INJECTED(UNTRANSLATABLE, DATA_TRANSLATION, "", NULL),
	 .va = BORDER,
	 .kind = SV_EXCEPTION_DATA_STAGE1,
	 .fsc = 0x07},
	{"no first page, and the second aborted",
	 LDP,
	 BORDER - 8,
	 {NO_PAGE, ODD_PAGE},
	 ODD_PAGE,
	 INJECTED(UNTRANSLATABLE, DATA_TRANSLATION, "", NULL),
	 .va = BORDER - 8,
	 .kind = SV_EXCEPTION_DATA_STAGE1,
	 .fsc = 0x07},
	{"a read-only second page",
	 STP,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 INJECTED(UNTRANSLATABLE, DATA_TRANSLATION, "", NULL),
	 .attributes = {NORMAL, READ_ONLY},
	 .va = BORDER,
	 .kind = SV_EXCEPTION_DATA_STAGE1,
	 .fsc = 0x0f},
	{"the second page's table is in no memory",
	 LDP,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 INJECTED(UNTRANSLATABLE, DATA_TRANSLATION, "", NULL),
	 .va = BORDER,
	 .kind = SV_EXCEPTION_DATA_EXTERNAL,
	 .fsc = 0x17,
	 .second_table = 0x0b000000 ^ LEVEL3},
	{"the page that is not there comes before the hole",
	 LDP,
	 BORDER - 8,
	 {0x0b000000, NO_PAGE},
	 0x0b000ff8,
	 INJECTED(UNTRANSLATABLE, DATA_TRANSLATION, "", NULL),
	 .va = BORDER,
	 .kind = SV_EXCEPTION_DATA_STAGE1,
	 .fsc = 0x07},
	{"a hole behind the device",
	 LDP,
	 BORDER - 8,
	 {RECORDER, 0x0b000000},
	 RECORDER + 0xff8,
	 INJECTED(HOLE, HOLE, "", "default hole=inject"),
	 .va = BORDER},
	{"a hole behind memory, for a store",
	 STP,
	 BORDER - 8,
	 {RAM_BASE, 0x0b000000},
	 0x0b000000,
	 INJECTED(HOLE, HOLE, "", "default hole=inject"),
	 .va = BORDER},
	{"no page at all: another instruction's abort",
	 LDR_POST,
	 BORDER,
	 {RECORDER, NO_PAGE},
	 RECORDER,
	 RETRIED(UNTRANSLATABLE, DATA_TRANSLATION)},
	{"the kernel's page, to EL0",
	 LDP,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 INJECTED(UNTRANSLATABLE, DATA_TRANSLATION, "", NULL),
	 .attributes = {NORMAL, KERNELS},
	 .pstate = 0x3c0,
	 .va = BORDER,
	 .kind = SV_EXCEPTION_DATA_STAGE1,
	 .fsc = 0x0f},
	{"the kernel's page, to EL1",
	 LDP,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 DONE("r8@a000ff8 r8@a005000", NULL, BORDER - 8, 0xf8e9dacbbcad9e8f, 0xf7e6d5c4b3a29180),
	 .attributes = {NORMAL, KERNELS}},
	{"a table that is poisoned",
	 LDR_POST,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 INJECTED(POISON, MEMORY_FAULT, "", "default poison=inject"),
	 .poisoned = LEVEL3,
	 .va = BORDER - 8,
	 .fsc = 0x17},
	{"the first table is not there",
	 LDR_POST,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 RETRIED(UNTRANSLATABLE, PC_TRANSLATION),
	 .ttbr = UINT64_C(1) << 39},
	{"the first table is poisoned",
	 LDR_POST,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 INJECTED(POISON, FETCH_FAULT, "", NULL),
	 .poisoned = LEVEL1},
	{"a reserved granule, of the code's half",
	 LDR_POST,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 INJECTED(UNSUPPORTED, WALK_UNSUPPORTED, "", NULL),
	 .tcr = 3 << 14},
	{"PC without an address",
	 LDR_POST,
	 BORDER - 8,
	 {RECORDER, ODD_PAGE},
	 RECORDER + 0xff8,
	 RETRIED(UNTRANSLATABLE, PC_TRANSLATION),
	 .tcr = 1 << 7},
};

static void map_pages(struct machine *machine, const struct mapped_case *test)
{
	struct memory_vcpu *vcpu = &machine->vcpu;

	memory_write(vcpu, LEVEL1, 8, LEVEL2 | 3);
	/* The code, one to one: executable for both, written by neither. */
	memory_write(vcpu, LEVEL1 + 8, 8, (RAM_BASE | 0x4c1) ^ test->code);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t attributes = 0x443 ^ (test->attributes[i] & DEVICE) ^
				      (test->attributes[i] & KERNELS ? 0x40 : 0) ^
				      (test->attributes[i] & READ_ONLY ? 0x80 : 0);

		/* The last page of the first table and the first of the second: one table is both. */
		memory_write(vcpu, LEVEL2 + i * 8, 8, (LEVEL3 | 3) ^ (i ? test->second_table : 0));
		if (test->pages[i] != NO_PAGE)
			memory_write(vcpu, i ? LEVEL3 : LEVEL3 + 0xff8, 8, test->pages[i] | attributes);
	}
	vcpu->regs[SV_SCTLR_EL1] |= SV_SCTLR_M | test->sctlr;
	vcpu->regs[SV_TTBR0_EL1] = LEVEL1 ^ test->ttbr;
	vcpu->regs[SV_MAIR_EL1] = 0x00ff;
	vcpu->regs[SV_TCR_EL1] =
		(32 | 32 << 16 | UINT64_C(2) << 30 | UINT64_C(5) << 32 | UINT64_C(1) << 37) ^ test->tcr;
}

static void mapped(void **state)
{
	static struct machine machine;

	for (size_t i = 0; i < COUNT(mapped_cases); i++) {
		const struct mapped_case *test = &mapped_cases[i];
		const struct expected *want = &test->want;
		bool stores = test->word == STRW_POST || test->word == STP;
		struct sv_session session;

		setup(&machine, NULL);
		memory_write(&machine.vcpu, RAM_BASE, 4, test->word);
		map_pages(&machine, test);
		machine.vcpu.regs[SV_X0] = test->x0;
		machine.vcpu.vector = 16;
		if (test->pstate)
			machine.vcpu.regs[SV_PSTATE] = test->pstate;
		machine.vcpu.poisoned = test->poisoned;
		check(test->name,
		      run(&machine, &session, stores ? WRITE : READ, test->fault_ipa) == want->verdict);
		if (session.report.ending != want->ending || session.report.cause != want->cause ||
		    session.report.reason != want->reason || strcmp(machine.log, want->log))
			fail_msg("%s: %s, cause %s, reason: %s, accesses \"%s\"", test->name,
				 sv_ending_name(session.report.ending), sv_cause_name(session.report.cause),
				 sv_reason_text(session.report.reason), machine.log);
		if (want->rule)
			assert_string_equal(session.report.rule->text, want->rule);
		check(test->name, (session.report.reason == SV_REASON_WALK_UNSUPPORTED) ==
					  (session.report.walk_refusal == SV_MMU_REFUSAL_GRANULE));
		check(test->name, !test->va || (session.report.has_va && session.report.va == test->va &&
						(want->ending != SV_ENDING_INJECTED ||
						 machine.vcpu.injection.va == test->va)));
		if (want->ending == SV_ENDING_INJECTED) {
			const struct sv_injection *injection = &machine.vcpu.injection;

			check(test->name, injection->kind == test->kind);
			check(test->name, session.report.exception == test->kind);
			check(test->name, injection->fsc == (test->fsc ? test->fsc : SV_FSC_EXTERNAL));
			check(test->name, sv_injection_check(injection) == SV_OK);
			check(test->name, !test->fsc || (injection->va_exact && injection->write == stores));
			check(test->name, machine.vcpu.sets == 0 && machine.vcpu.stores == 0);
		}
		/* No register is read twice: the walks share what they read. */
		for (unsigned reg = 0; reg < SV_REG_COUNT; reg++)
			check(test->name, machine.vcpu.got[reg] <= 1);
		if (want->ending != SV_ENDING_COMPLETED)
			continue;
		if (machine.vcpu.regs[SV_X0] != want->x0 || machine.vcpu.regs[SV_X0 + 1] != want->x1 ||
		    machine.vcpu.regs[SV_X0 + 2] != want->x2)
			fail_msg("%s: x0 %llx x1 %llx x2 %llx", test->name,
				 (unsigned long long)machine.vcpu.regs[SV_X0],
				 (unsigned long long)machine.vcpu.regs[SV_X0 + 1],
				 (unsigned long long)machine.vcpu.regs[SV_X0 + 2]);
		if (stores)
			assert_int_equal(memory_read(&machine.vcpu, RAM_BASE + 0xffc, 4), 0x22810000);
	}
}

/* An emulated CPU that does not check alignment gets its fault in the end, exact. */
static void alignment_in_the_end(void **state)
{
	static const struct {
		uint32_t word;
		uint64_t iss;
	} words[] = {{LDP, READ}, {STP, WRITE}};

	for (size_t i = 0; i < COUNT(words); i++) {
		static struct machine machine;
		struct sv_session session;

		setup(&machine, NULL);
		memory_write(&machine.vcpu, RAM_BASE, 4, words[i].word);
		machine.vcpu.regs[SV_X0] = RECORDER + 1;
		for (unsigned n = 0; n < SV_RETRY_LIMIT; n++)
			assert_int_equal(run(&machine, &session, words[i].iss, RECORDER + 1),
					 SV_VERDICT_RETRY);
		assert_int_equal(run(&machine, &session, words[i].iss, RECORDER + 1), SV_VERDICT_RESUME);
		assert_int_equal(session.report.reason, SV_REASON_ALIGNMENT);
		assert_int_equal(machine.vcpu.injection.kind, SV_EXCEPTION_ALIGNMENT);
		assert_int_equal(machine.vcpu.injection.fsc, SV_FSC_ALIGNMENT);
		assert_int_equal(machine.vcpu.injection.va, RECORDER + 1);
		assert_int_equal(machine.vcpu.injection.write, words[i].iss == WRITE);
		assert_true(machine.vcpu.injection.va_exact);
		assert_string_equal(machine.log, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped),
		cmocka_unit_test(alignment_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
