/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions that by their registers access nothing, and beside each the register that makes them access
 * something.
 */
#include "support/check.h"
#include "machine.h"

/* x1 to x3 are a copy's or set's Xd, Xs, Xn; x3 is the base of the others, x4 an index. */
#define LD1B      0xa400a861 /* ld1b { z1.b }, p2/z, [x3] */
#define LD1H      0xa4a0a861 /* ld1h { z1.h }, p2/z, [x3] */
#define LD1SB_D   0xa580a861 /* ld1sb { z1.d }, p2/z, [x3] */
#define LD1W_Q    0xa5102861 /* ld1w { z1.q }, p2/z, [x3] */
#define ST1D      0xe5e44861 /* st1d { z1.d }, p2, [x3, x4, lsl #3] */
#define LD3W      0xa540e861 /* ld3w { z1.s - z3.s }, p2/z, [x3] */
#define ST2Q      0xe4400861 /* st2q { z1.q, z2.q }, p2, [x3] */
#define LD1RH_S   0x84c0c861 /* ld1rh { z1.s }, p2/z, [x3] */
#define LD1RQB    0xa4002861 /* ld1rqb { z1.b }, p2/z, [x3] */
#define LD1ROB    0xa4202861 /* ld1rob { z1.b }, p2/z, [x3] */
#define LD1ROD    0xa5a40861 /* ld1rod { z1.d }, p2/z, [x3, x4, lsl #3] */
#define LD1B_MZ2  0xa0400860 /* ld1b { z0.b, z1.b }, pn10/z, [x3] */
#define LD1B_MZ4  0xa0408860 /* ld1b { z0.b - z3.b }, pn10/z, [x3] */
#define ST1D_MZ4  0xa060e860 /* st1d { z0.d - z3.d }, pn10, [x3] */
#define LDNT1H_MZ 0xa0042861 /* ldnt1h { z0.h, z1.h }, pn10/z, [x3, x4, lsl #1] */
#define LDR_Z     0x85804061 /* ldr z1, [x3] */
#define STR_P     0xe5800061 /* str p1, [x3] */
#define DC_ZVA    0xd50b7423 /* dc zva, x3 */
#define DC_GVA    0xd50b7463
#define DC_GZVA   0xd50b7483
#define STZGM     0xd9200064 /* stzgm x4, [x3] */
#define CPYP      0x1d020461 /* cpyp [x1]!, [x2]!, x3! */
#define CPYM      0x1d420461
#define CPYE      0x1d820461
#define CPYFP     0x19020461
#define CPYFM     0x19420461
#define CPYFE     0x19820461
#define SETP      0x19c20461 /* setp [x1]!, x3!, x2 */
#define SETM      0x19c24461
#define SETE      0x19c28461
#define SETGP     0x1dc20461
#define SETGM     0x1dc24461
#define SETGE     0x1dc28461

static enum sv_status plan(uint32_t word, uint64_t pstate, const struct sv_regs_ops *ops,
			   struct machine *machine)
{
	struct sv_context context = {.pstate = 5 | pstate};
	struct sv_insn insn;
	struct sv_plan plan;

	assert_int_equal(sv_decode(SV_A64, word, &insn), SV_OK);
	return sv_plan_address(&insn, &context, ops, machine, &plan);
}

/* NOT_MEMORY with the one value, OK with the other: a predicate, DCZID_EL0, a size. */
struct nothing_case {
	uint32_t word;
	unsigned vector;
	enum sv_reg reg;
	uint64_t nothing, something;
	uint64_t pstate;
};

#define P2   MACHINE_P(2)
#define PN10 MACHINE_P(10)
#define XN   (SV_X0 + 3)
#define C    SV_PSTATE_C
#define N    SV_PSTATE_N

static const struct nothing_case nothing_cases[] = {
	{LD1B, 16, P2, 0, 0x8000},
	{LD1B, 32, P2, 0, 0x80000000},
	/* Only the bit of an element's first byte says anything. */
	{LD1H, 16, P2, 0xaaaa, 0x4000},
	{LD1SB_D, 16, P2, 0xfefe, 0x0100},
	{ST1D, 16, P2, 0xfefe, 0x0001},
	{LD3W, 16, P2, 0xeeee, 0x1000},
	{LD1W_Q, 16, P2, 0xfffe, 0x0001},
	{ST2Q, 32, P2, 0xfffefffe, 0x10000},
	{LD1RH_S, 16, P2, 0xeeee, 0x1000},
	/* Nor does a lane behind those that are loaded. */
	{LD1RQB, 32, P2, 0xffff0000, 0x8000},
	{LD1ROB, 64, P2, 0xffffffff00000000, 0x80000000},
	{LD1ROD, 48, P2, 0xfefefefe | UINT64_C(0xffff) << 32, 0x1000000},
	/*
	 * Counters: no size; none counted; all inactive that there are; bits that this vector does not count
	 * by.
	 */
	{LD1B_MZ2, 16, PN10, 0, 3},
	{LD1B_MZ2, 16, PN10, 0x8010, 0x8011},
	{LD1B_MZ2, 16, PN10, 0x0001, 0x8001},
	{LD1B_MZ2, 16, PN10, 0x8041, 0x803f},
	{LD1B_MZ4, 16, PN10, 0x4081, 0x8041},
	{LD1B_MZ2, 32, PN10, 0x0101, 0x0081},
	{ST1D_MZ4, 16, PN10, 0x0008, 0x0018},
	{ST1D_MZ4, 32, PN10, 0xffff0000, 0x0018},
	/* All four registers' worth of elements is one too many for the field: it counts none. */
	{LD1B_MZ4, 16, PN10, 64 << 1 | 1, 63 << 1 | 1},
	/* Of elements of a byte the last alone, and no halfword begins there. */
	{LDNT1H_MZ, 16, PN10, 0x8001 | 31 << 1, 0x8001 | 30 << 1},

	/* DCZID_EL0: prohibited; larger than there are. STZGM is not a DC. */
	{DC_ZVA, 0, SV_DCZID_EL0, 0x14, 4},
	{DC_GVA, 0, SV_DCZID_EL0, 0x14, 4},
	{DC_GZVA, 0, SV_DCZID_EL0, 0x19, 9},
	{DC_ZVA, 0, SV_DCZID_EL0, 10, 9},
	{STZGM, 0, SV_DCZID_EL0, 10, 0x14},

	/* Nothing left; a sign that the format does not have. */
	{CPYP, 0, XN, 0, UINT64_MAX},
	{CPYFP, 0, XN, 0, 1},
	{SETP, 0, XN, 0, UINT64_MAX},
	{CPYM, 0, XN, 0, UINT64_MAX},
	{CPYM, 0, XN, 0, 1},
	{CPYE, 0, XN, 0, 1, C},
	{CPYM, 0, XN, UINT64_MAX, 1, C},
	{CPYE, 0, XN, UINT64_MAX, 1, C | N},
	{CPYFM, 0, XN, 1, UINT64_MAX},
	{CPYFE, 0, XN, UINT64_MAX, 1, C},
	{SETM, 0, XN, 1, UINT64_MAX},
	{SETE, 0, XN, UINT64_MAX, 1, C},
	{SETM, 0, XN, UINT64_MAX, 1, C | N},
	/* Parts of a granule; a prologue limits the size before it looks. */
	{SETGP, 0, XN, 17, 16},
	{SETGP, 0, XN, 0x7fffffffffffffef, UINT64_MAX},
	{SETGP, 0, XN, 0, 32},
	{SETGM, 0, XN, (uint64_t)-17, (uint64_t)-16},
	{SETGE, 0, XN, 24, 16, C},
};

static void set_reg(struct machine *machine, enum sv_reg reg, uint64_t value)
{
	machine->regs[reg] = machine_u64(value);
}

static void nothing(void **state)
{
	for (size_t i = 0; i < COUNT(nothing_cases); i++) {
		const struct nothing_case *test = &nothing_cases[i];
		struct machine machine = {.broken = MACHINE_REGS, .vector = test->vector};
		char name[32];

		snprintf(name, sizeof(name), "case %zu: %08x", i, (unsigned)test->word);
		set_reg(&machine, test->reg, test->nothing);
		check(name, plan(test->word, test->pstate, &machine_ops, &machine) == SV_NOT_MEMORY);
		set_reg(&machine, test->reg, test->something);
		check(name, plan(test->word, test->pstate, &machine_ops, &machine) == SV_OK);
		check(name, machine.writes == 0);
	}
}

/* Vector lengths: LD1RO is UNDEFINED below 32; no SVE at all; lengths that there are not. */
static void vector_lengths(void **state)
{
	static const struct {
		uint32_t word;
		unsigned vector;
		enum sv_status status;
	} cases[] = {
		{LD1ROB, 16, SV_NOT_MEMORY}, {LD1ROB, 32, SV_OK},
		{LD1ROD, 16, SV_NOT_MEMORY}, {LD1ROD, 48, SV_OK},
		{LD1RQB, 16, SV_OK},         {LD1B, 256, SV_OK},
		{LD1B, 0, SV_UNSUPPORTED},   {LD1B_MZ2, 0, SV_UNSUPPORTED},
		{LDR_Z, 0, SV_UNSUPPORTED},  {STR_P, 0, SV_UNSUPPORTED},
		{LDR_Z, 16, SV_OK},          {STR_P, 256, SV_OK},
		{LDR_Z, 8, SV_REGISTER},     {LDR_Z, 24, SV_REGISTER},
		{STR_P, 272, SV_REGISTER},   {LD1B, 512, SV_REGISTER},
	};
	const struct sv_regs_ops without = {.get = machine_ops.get, .set = machine_ops.set};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct machine machine = {.broken = MACHINE_REGS, .vector = cases[i].vector};
		char name[32];

		snprintf(name, sizeof(name), "case %zu: %08x", i, (unsigned)cases[i].word);
		set_reg(&machine, P2, UINT64_MAX);
		check(name, plan(cases[i].word, 0, &machine_ops, &machine) == cases[i].status);
		/* A vCPU whose vectors cannot be had is like one without. */
		check(name, plan(cases[i].word, 0, &without, &machine) == SV_UNSUPPORTED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),
		cmocka_unit_test(vector_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
