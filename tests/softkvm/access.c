/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads and stores: what they do, what EL2 is told if they cannot, what EL1 is, and several CPUs at a time.
 */
#include <pthread.h>

#include "model.h"
#include "softkvm/board.h"

/* clang-format off */
#define LDR_X1_X0       0xf9400001
#define STR_X1_X0       0xf9000001
#define LDP_X1_X2_X0    0xa9400801
#define STP_X1_X2_X0    0xa9000801
#define LDXR_X1_X0      0xc85f7c01
#define STXR_W2_X1_X0   0xc8027c01
#define STXRB_W2_W1_X0  0x08027c01
#define LDXP_X1_X2_X0   0xc87f0801
#define STXP_W3_X1_X2_X0 0xc8230801
#define CLREX           0xd5033f5f
#define LDADD_X1_X2_X0  0xf8210002
#define LDADDAL_W1_W2_X0 0xb8e10002
#define CASP_X2_X4_X0   0x48227c04
#define DC_ZVA_X0       0xd50b7420
#define LDR_X1_SP       0xf94003e1
#define TLBI_VMALLE1    0xd508871f
#define TLBI_VMALLE1IS  0xd508831f
/* clang-format on */

/* What the row's short cut does, if it has one, is what plan and finish do. */
static void short_cuts(void **state)
{
	struct board *board = *state, *slow;
	size_t count, compared = 0, short_count = 0;
	const struct sv_row *rows = sv_rows(SV_A64, &count);
	uint64_t random = 2;
	struct soft_op op;

	board_setup((void **)&slow);
	for (unsigned i = 0; i < 400000; i++) {
		const struct sv_row *row = &rows[random_next(&random) % count];
		uint32_t word = row->value | ((uint32_t)random_next(&random) & ~row->mask);
		uint64_t bits = random_next(&random);
		struct board *boards[] = {board, slow};

		soft_decode(word, &op);
		if (!soft_feature(sv_row_feature(row)) || row->refusal == SV_REFUSAL_CACHE)
			continue;
		/* Mostly the rows that have one. */
		if (op.run == soft_access_slowly && bits >> 50 & 15)
			continue;
		short_count += op.run != soft_access_slowly;
		for (unsigned b = 0; b < 2; b++) {
			struct soft_cpu *cpu = boards[b]->cpu;
			uint64_t seed = bits;

			/* The first word of a board that is used warms its caches: these stay. */
			if (!(i % 4096)) {
				board_reset(boards[b]);
				mmu_on(boards[b]);
				map_page(boards[b], DATA + 5 * PAGE, RAM + 20 * PAGE, S1_NORMAL | S1_RO);
				map_page(boards[b], DATA + 6 * PAGE, RAM + 21 * PAGE, S1_DEVICE);
				put64(boards[b], TABLES + 2 * PAGE + ((DATA + 7 * PAGE) >> 12 & 511) * 8, 0);
				if (i & 4096)
					cpu->sysreg[SOFT_SCTLR_EL1] |= SV_SCTLR_A;
				soft_cpu_changed(cpu);
			}
			for (unsigned n = 0; n < 31; n++)
				cpu->x[n] = DATA + random_next(&seed) % (8 * PAGE);
			for (unsigned n = 0; n < 31; n++)
				if (random_next(&seed) & 1)
					cpu->x[n] &= ~UINT64_C(7);
			/* An index. */
			if (word >> 16 & 31 && bits & 1)
				cpu->x[(word >> 16 & 31) % 31] = random_next(&seed) % 64;
			for (unsigned n = 0; n < 64; n++)
				((uint64_t *)cpu->v)[n] = random_next(&seed);
			cpu->sp[0] = cpu->sp[1] = DATA + (random_next(&seed) % PAGE & ~UINT64_C(7));
			cpu->pc = CODE;
			cpu->pstate = EL1h;
			cpu->all_slow = b;
			step(boards[b], word);
		}
		compared++;
		if (memcmp(board->cpu->x, slow->cpu->x, sizeof(slow->cpu->x)) ||
		    board->cpu->pc != slow->cpu->pc ||
		    memcmp(board->cpu->v, slow->cpu->v, sizeof(slow->cpu->v)) ||
		    memcmp(board->cpu->sp, slow->cpu->sp, 16) || board->cpu->pstate != slow->cpu->pstate ||
		    memcmp(board->cpu->sysreg, slow->cpu->sysreg, sizeof(slow->cpu->sysreg)) ||
		    memcmp(board->ram, slow->ram, RAM_BYTES))
			fail_msg("%s: %08x: the short cut comes to something else", sv_row_name(row), word);
	}
	print_message("# %zu words, %zu of them with a short cut\n", compared, short_count);
	assert_true(short_count > 20000);
	board_teardown((void **)&slow);
}

/* Values: X0 is the address, X1 0x8182838485868788, X2 2, memory 0xf1f2f3f4f5f6f7f8 and on. */
static const struct {
	const char *name;
	uint32_t word;
	uint64_t x0, x1, x2, memory;
} accesses[] = {
	{"ldr x1, [x0]", LDR_X1_X0, DATA, 0xf1f2f3f4f5f6f7f8, 2, 0xf1f2f3f4f5f6f7f8},
	{"ldr w1, [x0]", 0xb9400001, DATA, 0xf5f6f7f8, 2, 0xf1f2f3f4f5f6f7f8},
	{"ldrb w1, [x0]", 0x39400001, DATA, 0xf8, 2, 0xf1f2f3f4f5f6f7f8},
	{"ldrsb x1, [x0]", 0x39800001, DATA, 0xfffffffffffffff8, 2, 0xf1f2f3f4f5f6f7f8},
	{"ldrsb w1, [x0]", 0x39c00001, DATA, 0xfffffff8, 2, 0xf1f2f3f4f5f6f7f8},
	{"ldrh w1, [x0, #2]", 0x79400401, DATA, 0xf5f6, 2, 0xf1f2f3f4f5f6f7f8},
	{"ldrsh w1, [x0]", 0x79c00001, DATA, 0xfffff7f8, 2, 0xf1f2f3f4f5f6f7f8},
	{"ldrsw x1, [x0]", 0xb9800001, DATA, 0xfffffffff5f6f7f8, 2, 0xf1f2f3f4f5f6f7f8},
	{"str x1, [x0]", STR_X1_X0, DATA, 0x8182838485868788, 2, 0x8182838485868788},
	{"str wzr, [x0]", 0xb900001f, DATA, 0x8182838485868788, 2, 0xf1f2f3f400000000},
	{"strb w1, [x0]", 0x39000001, DATA, 0x8182838485868788, 2, 0xf1f2f3f4f5f6f788},
	{"ldar x1, [x0]", 0xc8dffc01, DATA, 0xf1f2f3f4f5f6f7f8, 2, 0xf1f2f3f4f5f6f7f8},
	{"stlr w1, [x0]", 0x889ffc01, DATA, 0x8182838485868788, 2, 0xf1f2f3f485868788},
	{"ldr x1, [x0], #8", 0xf8408401, DATA + 8, 0xf1f2f3f4f5f6f7f8, 2, 0xf1f2f3f4f5f6f7f8},
	{"str w1, [x0, #4]!", 0xb8004c01, DATA + 4, 0x8182838485868788, 2, 0x85868788f5f6f7f8},
	{"ldp x1, x2, [x0]", LDP_X1_X2_X0, DATA, 0xf1f2f3f4f5f6f7f8, 0x1122334455667788, 0xf1f2f3f4f5f6f7f8},
	{"stp x1, x2, [x0]", STP_X1_X2_X0, DATA, 0x8182838485868788, 2, 0x8182838485868788},
	{"ldadd x1, x2, [x0]", LDADD_X1_X2_X0, DATA, 0x8182838485868788, 0xf1f2f3f4f5f6f7f8,
	 0x737577797b7d7f80},
	{"swp x1, x2, [x0]", 0xf8218002, DATA, 0x8182838485868788, 0xf1f2f3f4f5f6f7f8, 0x8182838485868788},
	{"swpb w1, w2, [x0]", 0x38218002, DATA, 0x8182838485868788, 0xf8, 0xf1f2f3f4f5f6f788},
	{"cas x1, x2, [x0], unequal", 0xc8a17c02, DATA, 0xf1f2f3f4f5f6f7f8, 2, 0xf1f2f3f4f5f6f7f8},
	{"stadd x1, [x0]", 0xf821001f, DATA, 0x8182838485868788, 2, 0x737577797b7d7f80},
	{"dc zva, x0", DC_ZVA_X0, DATA, 0x8182838485868788, 2, 0},
	{"prfm", 0xf9800000, DATA, 0x8182838485868788, 2, 0xf1f2f3f4f5f6f7f8},
};

static void accesses_memory(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (size_t i = 0; i < COUNT(accesses) * 4; i++) {
		const char *name = accesses[i / 4].name;

		board_reset(board);
		mmu_on(board);
		cpu->all_slow = i & 1;
		put64(board, DATA, 0xf1f2f3f4f5f6f7f8);
		put64(board, DATA + 8, 0x1122334455667788);
		cpu->x[0] = DATA;
		cpu->x[1] = 0x8182838485868788;
		cpu->x[2] = 2;
		check(name, step(board, accesses[i / 4].word) == SOFT_BUDGET);
		check(name, cpu->pc == CODE + 4);
		check(name, cpu->x[0] == accesses[i / 4].x0);
		check(name, cpu->x[1] == accesses[i / 4].x1);
		check(name, cpu->x[2] == accesses[i / 4].x2);
		check(name, get64(board, DATA) == accesses[i / 4].memory);
	}
}

/* The same bytes the other way round, at EL1 by EE and at EL0 by E0E. */
static void big_endian(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (unsigned el = 0; el < 2; el++)
		for (unsigned big = 0; big < 4; big++) {
			bool is_big = el ? big & 1 : big & 2;

			board_reset(board);
			cpu->pstate = el ? EL1h : EL0t;
			cpu->sysreg[SOFT_SCTLR_EL1] |=
				(big & 1 ? SV_SCTLR_EE : 0) | (big & 2 ? SV_SCTLR_E0E : 0);
			put64(board, DATA, 0x0102030405060708);
			cpu->x[0] = DATA;
			step(board, LDR_X1_X0);
			assert_true(cpu->x[1] == (is_big ? 0x0807060504030201 : 0x0102030405060708));
			cpu->x[1] = 1;
			cpu->pc = CODE;
			step(board, LDADD_X1_X2_X0);
			assert_true(get64(board, DATA) == (is_big ? 0x0202030405060708 : 0x0102030405060709));
		}
}

/*
 * Stage 2 says no. ESR_EL2 without IL. SOMEWHERE: what is not a data abort of the first access has its own
 * test. How the page fails: not there, read-only, an external abort, without an address.
 */
enum failure { MISSING, READ_ONLY, EXTERNAL, NO_ADDRESS, EXTERNAL_HPFAR };

#define DATA_ABORT (UINT64_C(0x24) << 26 | 1 << 25)

static const struct {
	const char *name;
	uint32_t word;
	enum failure failure;
	uint64_t iss;
} aborts[] = {
	{"ldr x1, [x0]", LDR_X1_X0, MISSING, 0x1c18007},
	{"ldr w1, [x0]", 0xb9400001, MISSING, 0x1810007},
	{"ldrb w1, [x0]", 0x39400001, MISSING, 0x1010007},
	{"ldrsb x1, [x0]", 0x39800001, MISSING, 0x1218007},
	{"ldrsb w1, [x0]", 0x39c00001, MISSING, 0x1210007},
	{"ldrsh w1, [x0]", 0x79c00001, MISSING, 0x1610007},
	{"ldrsw x1, [x0]", 0xb9800001, MISSING, 0x1a18007},
	{"str x1, [x0]", STR_X1_X0, MISSING, 0x1c18047},
	{"str wzr, [x0]", 0xb900001f, MISSING, 0x19f0047},
	{"ldar x1, [x0]", 0xc8dffc01, MISSING, 0x1c1c007},
	{"stlr w1, [x0]", 0x889ffc01, MISSING, 0x1814047},
	{"ldapr x1, [x0]", 0xf8bfc001, MISSING, 0x1c1c007},
	{"ldtr x1, [x0]", 0xf8400801, MISSING, 0x1c18007},
	{"ldr x1, [x0], #8", 0xf8408401, MISSING, 0x07},
	{"str w1, [x0], #4", 0xb8004401, MISSING, 0x47},
	{"ldp x1, x2, [x0]", LDP_X1_X2_X0, MISSING, 0x07},
	{"stp x1, x2, [x0]", STP_X1_X2_X0, MISSING, 0x47},
	{"ldr q1, [x0]", 0x3dc00001, MISSING, 0x07},
	{"st1 {v1.16b}, [x0]", 0x4c007001, MISSING, 0x47},
	{"ldxr x1, [x0]", LDXR_X1_X0, MISSING, 0x07},
	{"stxr w2, x1, [x0]", STXR_W2_X1_X0, MISSING, 0x47},
	{"ldadd x1, x2, [x0]", LDADD_X1_X2_X0, MISSING, 0x07},
	{"ldadd, read-only", LDADD_X1_X2_X0, READ_ONLY, 0x4f},
	{"casp, read-only", CASP_X2_X4_X0, READ_ONLY, 0x4f},
	{"str x1, [x0], read-only", STR_X1_X0, READ_ONLY, 0x1c1804f},
	{"dc zva, x0", DC_ZVA_X0, MISSING, 0x47},
	{"dc civac, x0", 0xd50b7e20, MISSING, 0x147},
	{"dc ivac, x0, read-only", 0xd5087620, READ_ONLY, 0x14f},
	{"ic ivau, x0", 0xd50b7520, MISSING, 0x147},
	{"ldr x1, [x0], external", LDR_X1_X0, EXTERNAL, 0x210},
	{"str x1, [x0], external", STR_X1_X0, EXTERNAL, 0x250},
	{"ldr x1, [x0], no address", LDR_X1_X0, NO_ADDRESS, 0x410},
	{"ldp x1, x2, [x0], HPFAR all the same", LDP_X1_X2_X0, EXTERNAL_HPFAR, 0x1810},
};

static const struct answer answers[] = {
	[MISSING] = {.fault = true, .page = {.fsc = 0x07}},
	[READ_ONLY] = {.read_only = true},
	[EXTERNAL] = {.fault = true, .page = {.fsc = 0x10, .ea = true}},
	[NO_ADDRESS] = {.fault = true, .page = {.fsc = 0x10, .fnv = true, .hpfar_valid = true}},
	[EXTERNAL_HPFAR] = {.fault = true, .page = {.fsc = 0x10, .set = 3, .hpfar_valid = true}},
};

static void tells_el2(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (size_t i = 0; i < COUNT(aborts) * 2; i++) {
		const char *name = aborts[i / 2].name;
		enum failure failure = aborts[i / 2].failure;
		uint64_t ipa = DATA + 3 * PAGE, va = ipa + 0x40;
		struct soft_cpu before;
		bool hpfar = failure == MISSING || failure == EXTERNAL_HPFAR;

		board_reset(board);
		mmu_on(board);
		/* VA is not IPA. */
		map_page(board, va & ~(PAGE - 1), ipa + PAGE, S1_NORMAL | S1_EL0);
		ipa += PAGE;
		board->answer[(ipa - RAM) / PAGE] = answers[failure];
		cpu->all_slow = i & 1;
		for (unsigned n = 0; n < 31; n++)
			cpu->x[n] = n * 0x101;
		cpu->x[0] = va;
		before = *cpu;
		check(name, step(board, aborts[i / 2].word) == SOFT_ABORT);
		check(name, cpu->abort.esr == (DATA_ABORT | aborts[i / 2].iss));
		check(name, cpu->abort.far == (failure == NO_ADDRESS ? 0 : va));
		check(name, cpu->abort.hpfar_valid == hpfar);
		check(name, cpu->abort.hpfar == (hpfar ? ipa >> 12 << 4 : 0));
		check(name, cpu->abort.ipa == ipa + 0x40);
		check(name, cpu->pc == CODE);
		check(name, !memcmp(before.x, cpu->x, sizeof(cpu->x)));
		check(name, !memcmp(before.v, cpu->v, sizeof(cpu->v)));
		check(name, !memcmp(before.sysreg, cpu->sysreg, sizeof(cpu->sysreg)));
		check(name, before.pstate == cpu->pstate);
		/* Mended, it goes on as if nothing had been. */
		board->answer[(ipa - RAM) / PAGE] = (struct answer){0};
		check(name, soft_cpu_run(cpu, &board->bus, 1) == SOFT_BUDGET && cpu->pc == CODE + 4);
	}
}

/* A fetch, and descriptors: of a fetch, of a load and of a store. */
static void tells_el2_of_walks(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;
	static const struct {
		const char *name;
		uint64_t broken; /* page */
		struct answer answer;
		uint32_t word;
		bool fetch;
		uint64_t esr, hpfar;
	} walks[] = {
		{"fetch", CODE, {true, .page = {.fsc = 0x07}}, LDR_X1_X0, true, 0x82000007, CODE >> 12 << 4},
		{"fetch, external", CODE, {true, .page = {.fsc = 0x10}}, LDR_X1_X0, true, 0x82000010, 0},
		{"level 1 of a fetch",
		 TABLES,
		 {true, .page = {.fsc = 0x07}},
		 LDR_X1_X0,
		 true,
		 0x82000087,
		 TABLES >> 12 << 4},
		{"level 3 of a load",
		 TABLES + 3 * PAGE,
		 {true, .page = {.fsc = 0x06}},
		 LDR_X1_X0,
		 false,
		 0x92000086,
		 (TABLES + 3 * PAGE) >> 12 << 4},
		{"level 3 of a store",
		 TABLES + 3 * PAGE,
		 {true, .page = {.fsc = 0x0f}},
		 STR_X1_X0,
		 false,
		 0x920000cf,
		 (TABLES + 3 * PAGE) >> 12 << 4},
		{"level 3 of a load, external",
		 TABLES + 3 * PAGE,
		 {true, .page = {.fsc = 0x10}},
		 LDR_X1_X0,
		 false,
		 0x92000017,
		 0},
		{"level 3 of an atomic",
		 TABLES + 3 * PAGE,
		 {true, .page = {.fsc = 0x0f}},
		 LDADD_X1_X2_X0,
		 false,
		 0x9200008f,
		 (TABLES + 3 * PAGE) >> 12 << 4},
	};

	for (size_t i = 0; i < COUNT(walks); i++) {
		const char *name = walks[i].name;

		board_reset(board);
		mmu_on(board);
		/* The data's last table is one of its own. */
		put64(board, TABLES + PAGE + ((DATA + (2u << 20)) >> 21 & 511) * 8, (TABLES + 3 * PAGE) | 3);
		put64(board, TABLES + 3 * PAGE + (DATA >> 12 & 511) * 8, DATA | S1_NORMAL | S1_AF | 3);
		cpu->x[0] = DATA + (2u << 20) + 8;
		put_words(board, CODE, &walks[i].word, 1);
		board->answer[(walks[i].broken - RAM) / PAGE] = walks[i].answer;
		check(name, soft_cpu_run(cpu, &board->bus, 1) == SOFT_ABORT);
		check(name, cpu->abort.esr == walks[i].esr);
		check(name, cpu->abort.far == (walks[i].fetch ? CODE : DATA + (2u << 20) + 8));
		check(name, cpu->abort.hpfar == walks[i].hpfar && cpu->abort.hpfar_valid == !!walks[i].hpfar);
		check(name, cpu->pc == CODE && cpu->sysreg[SOFT_ESR_EL1] == 0);
	}
}

/* What lies across two pages of which the second is missing, for stage 2 or for stage 1: nothing happens. */
static void all_or_nothing(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;
	static const uint32_t words[] = {LDP_X1_X2_X0, STP_X1_X2_X0, LDR_X1_X0 /* unaligned */, STR_X1_X0,
					 0x3d800001};

	for (size_t i = 0; i < COUNT(words) * 4; i++) {
		bool stage1 = i & 1, first = i & 2;
		uint64_t va = DATA + PAGE - (i / 4 < 2 ? 8 : 4);
		uint64_t missing = first ? DATA : DATA + PAGE;
		uint8_t before[2 * PAGE];

		board_reset(board);
		mmu_on(board);
		memset(at(board, DATA), 0xa5, 2 * PAGE);
		memcpy(before, at(board, DATA), 2 * PAGE);
		if (stage1)
			put64(board, TABLES + 2 * PAGE + (missing >> 12 & 511) * 8, 0);
		else
			board->answer[(missing - RAM) / PAGE] = answers[MISSING];
		cpu->x[0] = va;
		cpu->x[1] = 1;
		cpu->x[2] = 2;
		assert_int_equal(step(board, words[i / 4]), stage1 ? SOFT_BUDGET : SOFT_ABORT);
		if (stage1) {
			assert_int_equal(cpu->pc, VECTORS + 0x200);
			assert_int_equal(cpu->sysreg[SOFT_ESR_EL1] & ~UINT64_C(0x40), 0x96000007);
			assert_int_equal(cpu->sysreg[SOFT_FAR_EL1], first ? va : missing);
		} else {
			assert_int_equal(cpu->abort.far, first ? va : missing);
			assert_int_equal(cpu->abort.hpfar, missing >> 12 << 4);
		}
		assert_true(cpu->x[0] == va && cpu->x[1] == 1 && cpu->x[2] == 2);
		assert_memory_equal(before, at(board, DATA), 2 * PAGE);
	}
	/* Both there: it is done, in two pages that are no neighbours. */
	board_reset(board);
	mmu_on(board);
	map_page(board, DATA + PAGE, DATA + 5 * PAGE, S1_NORMAL);
	cpu->x[0] = DATA + PAGE - 4;
	cpu->x[1] = 0x1122334455667788;
	step(board, STR_X1_X0);
	assert_int_equal(*(uint32_t *)at(board, DATA + PAGE - 4), 0x55667788);
	assert_int_equal(*(uint32_t *)at(board, DATA + 5 * PAGE), 0x11223344);
	cpu->pc = CODE;
	step(board, 0xf9400003); /* ldr x3, [x0] */
	assert_int_equal(cpu->x[3], 0x1122334455667788);
}

/* Alignment faults are EL1's. offset is that of the address from DATA; 0 in esr: it is done. */
static const struct {
	const char *name;
	uint32_t word;
	unsigned offset;
	bool device, checked; /* SCTLR_EL1.A */
	uint64_t esr;
} alignments[] = {
	{"a load of Normal memory", LDR_X1_X0, 1, false, false, 0},
	{"a load with SCTLR_EL1.A", LDR_X1_X0, 4, false, true, 0x96000021},
	{"an aligned load with SCTLR_EL1.A", LDR_X1_X0, 8, false, true, 0},
	{"a store with SCTLR_EL1.A", STR_X1_X0, 4, false, true, 0x96000061},
	{"a pair with SCTLR_EL1.A", LDP_X1_X2_X0, 8, false, true, 0},
	{"a load of Device memory", LDR_X1_X0, 4, true, false, 0x96000021},
	{"an aligned load of Device memory", LDR_X1_X0, 8, true, false, 0},
	{"a store to Device memory", STP_X1_X2_X0, 4, true, false, 0x96000061},
	{"DC ZVA on Device memory", DC_ZVA_X0, 64, true, false, 0x96000061},
	{"DC ZVA with SCTLR_EL1.A", DC_ZVA_X0, 1, false, true, 0},
	{"a load-acquire", 0xc8dffc01, 4, false, false, 0x96000021},
	{"an exclusive", LDXR_X1_X0, 4, false, false, 0x96000021},
	{"an exclusive pair", LDXP_X1_X2_X0, 8, false, false, 0x96000021},
	{"an aligned exclusive pair", LDXP_X1_X2_X0, 16, false, false, 0},
	{"an atomic", LDADD_X1_X2_X0, 4, false, false, 0x96000061},
	{"a pair of atomics", CASP_X2_X4_X0, 8, false, false, 0x96000061},
};

static void alignment(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (size_t i = 0; i < COUNT(alignments) * 2; i++) {
		const char *name = alignments[i / 2].name;
		uint64_t esr = alignments[i / 2].esr;

		board_reset(board);
		mmu_on(board);
		cpu->all_slow = i & 1;
		if (alignments[i / 2].device)
			map_page(board, DATA, DATA, S1_DEVICE);
		if (alignments[i / 2].checked)
			cpu->sysreg[SOFT_SCTLR_EL1] |= SV_SCTLR_A;
		soft_cpu_changed(cpu);
		/* Twice: the second time the page is known. */
		for (unsigned again = 0; again < 2; again++) {
			cpu->pstate = EL1h;
			cpu->pc = CODE;
			cpu->x[0] = DATA + alignments[i / 2].offset;
			step(board, alignments[i / 2].word);
			check(name, cpu->pc == (esr ? VECTORS + 0x200 : CODE + 4));
			check(name, cpu->sysreg[SOFT_ESR_EL1] == esr);
			check(name, !esr || cpu->sysreg[SOFT_FAR_EL1] == cpu->x[0]);
			cpu->pstate = EL1h;
			cpu->pc = CODE;
			cpu->x[0] = DATA;
			step(board, 0x39400003); /* ldrb w3, [x0] */
			check(name, cpu->pc == CODE + 4);
		}
	}
	/* Where stage 1 is off, data is Device memory. */
	board_reset(board);
	cpu->x[0] = DATA + 1;
	step(board, LDR_X1_X0);
	assert_int_equal(cpu->sysreg[SOFT_ESR_EL1], 0x96000021);
	/* A missing Device page, and an address that is not aligned: stage 1 comes first. */
	board_reset(board);
	mmu_on(board);
	map_page(board, DATA, HOLE, S1_DEVICE);
	cpu->x[0] = DATA + 1;
	assert_int_equal(step(board, LDR_X1_X0), SOFT_BUDGET);
	assert_int_equal(cpu->sysreg[SOFT_ESR_EL1], 0x96000021);
}

/* SP as a base: SA at EL1, SA0 at EL0. A register that is not SP does not care. */
static void sp_alignment(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (unsigned i = 0; i < 16; i++) {
		bool el = i & 1, checked = i & 2, misaligned = i & 4, other = i & 8;
		bool faults = checked && misaligned;

		board_reset(board);
		cpu->pstate = el ? EL1h : EL0t;
		cpu->sysreg[SOFT_SCTLR_EL1] &= ~UINT64_C(0x18);
		cpu->sysreg[SOFT_SCTLR_EL1] |= (other ? 0x18 : 0) & (el ? 0x10 : 0x08);
		cpu->sysreg[SOFT_SCTLR_EL1] |= checked ? (el ? 8 : 0x10) : 0;
		cpu->sp[el] = DATA + (misaligned ? 8 : 16);
		step(board, LDR_X1_SP);
		assert_int_equal(cpu->pc, faults ? VECTORS + (el ? 0x200 : 0x400) : CODE + 4);
		if (faults)
			assert_int_equal(cpu->sysreg[SOFT_ESR_EL1], 0x9a000000);
	}
	/* Arithmetic may have any SP. */
	cpu->sp[1] = 1;
	cpu->pstate = EL1h;
	cpu->pc = CODE;
	step(board, 0x910043e0);
	assert_int_equal(cpu->x[0], 17);
}

/* EL1 and EL0 have their own permissions, and LDTR EL0's; PAN and UAO. */
static const struct {
	const char *name;
	uint32_t word;
	uint64_t attributes, pstate;
	bool permitted;
} permissions[] = {
	{"EL1 on EL1's", LDR_X1_X0, S1_NORMAL, EL1h, true},
	{"EL0 on EL1's", LDR_X1_X0, S1_NORMAL, EL0t, false},
	{"EL0 on EL0's", LDR_X1_X0, S1_NORMAL | S1_EL0, EL0t, true},
	{"EL0 on EL0's, store", STR_X1_X0, S1_NORMAL | S1_EL0, EL0t, true},
	{"EL0 on EL0's, read-only", STR_X1_X0, S1_NORMAL | S1_EL0 | S1_RO, EL0t, false},
	{"EL1 on EL0's", LDR_X1_X0, S1_NORMAL | S1_EL0, EL1h, true},
	{"EL1 on EL0's with PAN", LDR_X1_X0, S1_NORMAL | S1_EL0, EL1h | SV_PSTATE_PAN, false},
	{"LDTR on EL0's with PAN", 0xf8400801, S1_NORMAL | S1_EL0, EL1h | SV_PSTATE_PAN, true},
	{"LDTR on EL1's", 0xf8400801, S1_NORMAL, EL1h, false},
	{"LDTR on EL1's with UAO", 0xf8400801, S1_NORMAL, EL1h | SV_PSTATE_UAO, true},
	{"LDTR on EL0's with PAN and UAO", 0xf8400801, S1_NORMAL | S1_EL0,
	 EL1h | SV_PSTATE_PAN | SV_PSTATE_UAO, false},
	{"STTR to read-only", 0xf8000801, S1_NORMAL | S1_EL0 | S1_RO, EL1h, false},
	{"store to read-only", STR_X1_X0, S1_NORMAL | S1_RO, EL1h, false},
	{"atomic on read-only", LDADD_X1_X2_X0, S1_NORMAL | S1_RO, EL1h, false},
};

static void permission(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	board_reset(board);
	mmu_on(board);
	map_page(board, CODE, CODE, S1_NORMAL | S1_EL0 | S1_RO); /* for both to execute */
	/* All in one order and then in the other, with what has been translated before kept. */
	for (size_t i = 0; i < COUNT(permissions) * 2; i++) {
		size_t n = i < COUNT(permissions) ? i : 2 * COUNT(permissions) - 1 - i;
		const char *name = permissions[n].name;
		uint64_t va = DATA + n * PAGE;

		map_page(board, va, DATA, permissions[n].attributes);
		/* The pages of EL0 and EL1 without PAN are looked at first, so that they are known. */
		for (unsigned warm = 0; warm < 3; warm++) {
			static const uint64_t modes[] = {EL0t, EL1h};

			cpu->pc = CODE;
			cpu->pstate = warm < 2 ? modes[warm] : permissions[n].pstate;
			cpu->x[0] = va;
			step(board, warm < 2 ? LDR_X1_X0 : permissions[n].word);
		}
		check(name, (cpu->pc == CODE + 4) == permissions[n].permitted);
		if (!permissions[n].permitted)
			check(name, (cpu->sysreg[SOFT_ESR_EL1] & 0x3f) == 0x0f);
	}
}

/* What was translated may be kept until it is invalidated, and must not be after. */
static void invalidation(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;
	static const uint32_t words[] = {TLBI_VMALLE1,
					 TLBI_VMALLE1IS,
					 0xd5088720 /* tlbi vae1, x0 */,
					 0xd5088340 /* tlbi aside1is, x0 */,
					 0xd5182000 /* msr ttbr0_el1, x0 */,
					 0xd5182040 /* msr tcr_el1, x0 */,
					 0xd518a200 /* msr mair_el1, x0 */,
					 0xd5181000 /* msr sctlr_el1, x0 */};
	static const enum soft_reg registers[] = {SOFT_TTBR0_EL1, SOFT_TTBR0_EL1, SOFT_TTBR0_EL1,
						  SOFT_TTBR0_EL1, SOFT_TTBR0_EL1, SOFT_TCR_EL1,
						  SOFT_MAIR_EL1,  SOFT_SCTLR_EL1};

	for (size_t i = 0; i < COUNT(words); i++) {
		board_reset(board);
		mmu_on(board);
		put64(board, DATA, 1);
		put64(board, DATA + PAGE, 2);
		cpu->x[0] = DATA;
		step(board, LDR_X1_X0);
		assert_int_equal(cpu->x[1], 1);
		map_page(board, DATA, DATA + PAGE, S1_NORMAL);
		cpu->x[0] = cpu->sysreg[registers[i]];
		step(board, words[i]);
		assert_int_equal(cpu->pc, CODE + 8);
		cpu->x[0] = DATA;
		step(board, LDR_X1_X0);
		assert_int_equal(cpu->x[1], 2);
	}
}

/* Another CPU's broadcast, and the host's change of generation. */
static void generations(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu, *other = soft_cpu_create();
	uint32_t tlbi = TLBI_VMALLE1IS;

	board_reset(board);
	mmu_on(board);
	put64(board, DATA, 1);
	put64(board, DATA + PAGE, 2);
	cpu->x[0] = DATA;
	step(board, LDR_X1_X0);
	map_page(board, DATA, DATA + PAGE, S1_NORMAL);
	put_words(board, CODE + 0x100, &tlbi, 1);
	other->pc = CODE + 0x100;
	soft_cpu_run(other, &board->bus, 1);
	step(board, LDR_X1_X0);
	assert_int_equal(cpu->x[1], 2);
	/*
	 * Stage 2: nothing is asked of the bus while the generation stays, and a page that has gone is gone
	 * with it.
	 */
	board->asked = 0;
	cpu->pc = CODE;
	step(board, LDR_X1_X0);
	assert_int_equal(board->asked, 0);
	board->answer[(DATA + PAGE - RAM) / PAGE] = answers[MISSING];
	atomic_fetch_add(&board->generation, 1);
	cpu->pc = CODE;
	assert_int_equal(step(board, LDR_X1_X0), SOFT_ABORT);
	assert_int_equal(atomic_load(&cpu->seen), atomic_load(&board->generation));
	soft_cpu_destroy(other);
}

/* A page that says so is asked for each time, code too. */
static void once(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t page = i ? CODE : DATA;

		board_reset(board);
		board->answer[(page - RAM) / PAGE].once = true;
		cpu->x[0] = DATA;
		step(board, LDR_X1_X0);
		board->asked = 0;
		step(board, LDR_X1_X0);
		assert_int_equal(board->asked, 1);
		board->answer[(page - RAM) / PAGE] = answers[EXTERNAL];
		assert_int_equal(step(board, LDR_X1_X0), SOFT_ABORT);
	}
}

/* Code is what memory holds when it is executed, whoever wrote it and whatever was there before. */
static void new_code(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;

	/* str w1, [x0]; and then the word that it writes: movz x2, #7 over movz x2, #5. */
	CODE_IS(board, 0xb9000001, 0xd28000a2);
	cpu->x[0] = CODE + 4;
	cpu->x[1] = 0xd28000e2;
	soft_cpu_run(cpu, &board->bus, 2);
	assert_int_equal(cpu->x[2], 7);
	cpu->pc = CODE + 4;
	*(uint32_t *)at(board, CODE + 4) = 0xd2800122;
	soft_cpu_run(cpu, &board->bus, 1);
	assert_int_equal(cpu->x[2], 9);
}

/* Exclusives: what makes a store fail, and what does not. X2 receives 0 if it was done. */
enum between { NOTHING, CLEAR, OTHER_SIZE, OTHER_ADDRESS, WRITTEN, EXCEPTION_RETURN, EXIT, STORED };

static void exclusives(void **state)
{
	struct board *board = *state;
	struct soft_cpu *cpu = board->cpu;
	static const struct {
		enum between between;
		bool done;
	} cases[] = {{NOTHING, true},        {CLEAR, false},   {OTHER_SIZE, false},
		     {OTHER_ADDRESS, false}, {WRITTEN, false}, {EXCEPTION_RETURN, false},
		     {EXIT, false},          {STORED, false}};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t word = STXR_W2_X1_X0;

		board_reset(board);
		put64(board, DATA, 5);
		cpu->x[0] = DATA;
		step(board, LDXR_X1_X0);
		assert_int_equal(cpu->x[1], 5);
		cpu->x[1] = 6;
		switch (cases[i].between) {
		case CLEAR:
			step(board, CLREX);
			break;
		case OTHER_SIZE:
			word = STXRB_W2_W1_X0;
			break;
		case OTHER_ADDRESS:
			cpu->x[0] = DATA + 8;
			break;
		case WRITTEN:
			put64(board, DATA, 7);
			break;
		case EXCEPTION_RETURN:
			cpu->sysreg[SOFT_ELR_EL1] = CODE + 8;
			cpu->sysreg[SOFT_SPSR_EL1] = EL1h;
			step(board, 0xd69f03e0);
			break;
		case EXIT:
			assert_int_equal(step(board, 0xd4000002), SOFT_HVC);
			break;
		case STORED:
			step(board, STXR_W2_X1_X0);
			assert_int_equal(cpu->x[2], 0);
			break;
		case NOTHING:
			break;
		}
		uint64_t before = get64(board, DATA);

		step(board, word);
		assert_int_equal(cpu->x[2], !cases[i].done);
		assert_int_equal(get64(board, DATA), cases[i].done ? 6 : before);
		assert_int_equal(get64(board, DATA + 8), 0);
	}
	/* A pair. */
	for (unsigned written = 0; written < 2; written++) {
		board_reset(board);
		put64(board, DATA, 1);
		put64(board, DATA + 8, 2);
		cpu->x[0] = DATA;
		step(board, LDXP_X1_X2_X0);
		assert_true(cpu->x[1] == 1 && cpu->x[2] == 2);
		cpu->x[1] = 3;
		cpu->x[2] = 4;
		if (written)
			put64(board, DATA + 8, 9);
		step(board, STXP_W3_X1_X2_X0);
		assert_int_equal(cpu->x[3], written);
		assert_int_equal(get64(board, DATA), written ? 1 : 3);
		assert_int_equal(get64(board, DATA + 8), written ? 9 : 4);
	}
	/* CASP: X2, X3 compared, X4, X5 stored. */
	board_reset(board);
	put64(board, DATA, 1);
	put64(board, DATA + 8, 2);
	cpu->x[0] = DATA;
	cpu->x[2] = 1;
	cpu->x[3] = 2;
	cpu->x[4] = 8;
	cpu->x[5] = 9;
	step(board, CASP_X2_X4_X0);
	assert_true(get64(board, DATA) == 8 && get64(board, DATA + 8) == 9);
	cpu->x[4] = 0;
	step(board, CASP_X2_X4_X0);
	assert_true(get64(board, DATA) == 8 && cpu->x[2] == 8 && cpu->x[3] == 9);
}

/* Four CPUs on four threads add to the same words, by an atomic, by exclusives and by pairs of them. */
#define CPUS   4
#define ROUNDS 5000

struct adder {
	struct board *board;
	struct soft_cpu *cpu;
	pthread_t thread;
	enum soft_exit exit;
};

static void *add(void *opaque)
{
	struct adder *adder = opaque;

	adder->exit = soft_cpu_run(adder->cpu, &adder->board->bus, UINT64_C(1) << 32);
	return NULL;
}

static void threads(void **state)
{
	struct board *board = *state;
	struct adder adders[CPUS];

	CODE_IS(board, 0xf8210002, /* 0: ldadd x1, x2, [x0] */
		0xc85f7c85,        /* 1: ldxr x5, [x4] */
		0x910004a5,        /* add x5, x5, #1 */
		0xc8067c85,        /* stxr w6, x5, [x4] */
		0x35ffffa6,        /* cbnz w6, 1b */
		0xc87f25e8,        /* 2: ldxp x8, x9, [x15] */
		0x91000508,        /* add x8, x8, #1 */
		0x91000529,        /* add x9, x9, #1 */
		0xc82a25e8,        /* stxp w10, x8, x9, [x15] */
		0x35ffff8a,        /* cbnz w10, 2b */
		0xf1000463,        /* subs x3, x3, #1 */
		0x54fffea1,        /* b.ne 0b */
		0xd4000002);       /* hvc #0 */
	for (unsigned i = 0; i < CPUS; i++) {
		struct soft_cpu *cpu = soft_cpu_create();

		soft_cpu_reset(cpu, i);
		cpu->pc = CODE;
		cpu->x[0] = DATA;
		cpu->x[1] = 1;
		cpu->x[3] = ROUNDS;
		cpu->x[4] = DATA + 8;
		cpu->x[15] = DATA + 16;
		adders[i] = (struct adder){board, cpu};
	}
	for (unsigned i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&adders[i].thread, NULL, add, &adders[i]), 0);
	for (unsigned i = 0; i < CPUS; i++) {
		pthread_join(adders[i].thread, NULL);
		assert_int_equal(adders[i].exit, SOFT_HVC);
		soft_cpu_destroy(adders[i].cpu);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(get64(board, DATA + i * 8), CPUS * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(short_cuts, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(accesses_memory, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(big_endian, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(tells_el2, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(tells_el2_of_walks, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(all_or_nothing, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(alignment, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(sp_alignment, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(permission, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(invalidation, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(generations, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(once, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(new_code, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(exclusives, board_setup, board_teardown),
		cmocka_unit_test_setup_teardown(threads, board_setup, board_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
