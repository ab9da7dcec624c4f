/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever registers and tables hold: at most five aligned reads (read_descriptor asserts that they are), no
 * address beyond 52 bits, each register read once, and an answer that hangs together.
 */
#include "tables.h"

static const unsigned answers_least = 300;

static uint64_t noise(uint64_t *seed)
{
	uint64_t r = random_next(seed), s = random_next(seed);

	/* Zeros, ones, single bits and small numbers more often than chance has them. */
	switch (s & 7) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return UINT64_C(1) << (s >> 8 & 63);
	case 3:
		return r >> (s >> 8 & 63);
	default:
		return r;
	}
}

/* Registers that make a walk likely, or anything at all. */
static void draw(struct machine *machine, uint64_t *seed)
{
	uint64_t r = random_next(seed);

	for (unsigned reg = SV_TCR_EL1; reg <= SV_POR_EL1; reg++)
		machine->regs[reg] = noise(seed);
	machine->features = (unsigned)(random_next(seed) & 0x3ffff);
	machine->features |= SV_MMU_PA_BITS(32 + r % 21);
	if (r >> 32 & 1) {
		machine->features = ALL | SV_MMU_S1PIE | SV_MMU_S1POE;
		machine->regs[SV_TCR2_EL1] &= 0xe;
		machine->regs[SV_TCR_EL1] = tcr_for(r >> 8 & 1   ? 0
						    : r >> 9 & 1 ? 1
								 : 2,
						    16 + (r >> 12) % 37) |
					    (random_next(seed) & (IPS(7) | UINT64_C(0x0f80018000000000)));
		machine->regs[SV_TTBR0_EL1] = machine->regs[SV_TTBR1_EL1] = MEMORY | (r >> 40 & 0x7fffff);
	}
}

static void check_answer(const struct machine *machine, enum sv_status status, struct sv_access_kind kind,
			 const struct sv_translation *out)
{
	assert_true(machine->reads <= 5);
	for (unsigned reg = 0; reg < SV_REG_COUNT; reg++)
		assert_true(machine->got[reg] <= 1);
	assert_int_equal(machine->got[SV_TTBR0_EL1] && machine->got[SV_TTBR1_EL1], 0);
	assert_true(out->level >= -1 && out->level <= 3);
	if (status == SV_OK) {
		assert_true(out->ipa <= out->last && out->last < UINT64_C(1) << 52);
		assert_true(kind.fetch
				    ? out->execute
				    : (kind.write ? out->write : out->read) && (!kind.atomic || out->read));
		assert_int_equal(out->esr, 0);
		return;
	}
	if (status == SV_UNSUPPORTED) {
		assert_true(out->refusal);
		assert_int_equal(out->esr, 0);
		return;
	}
	assert_int_equal(SV_FSC(out->esr), sv_stage1_fsc(status, out->level));
	if (kind.fetch)
		assert_int_equal(out->esr & SV_ESR_WnR, 0);
}

static void hostile(void **state)
{
	struct machine machine = {.memory = *state};
	unsigned answers[32] = {0}, reads[6] = {0};
	uint64_t seed = 9;

	reset(&machine);
	for (uint64_t ipa = MEMORY; ipa < MEMORY + MEMORY_SIZE; ipa += 8) {
		uint64_t r = random_next(&seed);

		/* Tables that point at each other, themselves among them, and at nothing. */
		*descriptor(&machine, ipa) = (r & 0xfff0000000000cff) |
					     (r >> 60 ? MEMORY | (r & 0x7ff000) : r & 0xfffffffff000) |
					     (r >> 57 & 7 ? 3 : 0);
	}
	for (unsigned i = 0; i < 400000; i++) {
		uint64_t r = random_next(&seed), va = noise(&seed);
		struct sv_access_kind kind = {.write = r & 1, .fetch = (r & 6) == 6, .el0 = r >> 3 & 1};
		uint64_t sctlr = (r >> 8 & 31 ? M_ON : noise(&seed)) & ~SV_SCTLR_EE;
		struct sv_translation out;
		enum sv_status status;

		kind.write &= !kind.fetch;
		kind.atomic = kind.write && r >> 4 & 1;
		draw(&machine, &seed);
		if (r >> 5 & 1)
			va &= 0xffffffff;
		status = translate(&machine, va, kind, sctlr, random_next(&seed), &out);
		check_answer(&machine, status, kind, &out);
		answers[status]++;
		reads[machine.reads]++;
	}
	assert_true(answers[SV_OK] > answers_least && answers[SV_TRANSLATION] > answers_least);
	assert_true(answers[SV_PERMISSION] > answers_least && answers[SV_FAULT] > answers_least);
	assert_true(answers[SV_ADDRESS_SIZE] > answers_least && answers[SV_ACCESS_FLAG] > answers_least);
	assert_true(answers[SV_UNSUPPORTED] > answers_least);
	for (unsigned i = 0; i < COUNT(reads); i++)
		assert_true(reads[i]);
}

/* A table that is its own next: a loop is over where the levels are. */
static void loops(void **state)
{
	struct machine machine = {.memory = *state};

	for (unsigned g = 0; g < COUNT(granules); g++) {
		struct sv_translation out;
		uint64_t root;

		reset(&machine);
		root = new_table(&machine, granules[g].bits);
		*descriptor(&machine, root) = root | AF | 3;
		machine.regs[SV_TCR_EL1] = tcr_for(g, 48);
		machine.regs[SV_TTBR0_EL1] = root;
		assert_int_equal(translate(&machine, 0x10, load, M_ON, EL1, &out), SV_OK);
		assert_int_equal(out.ipa, root + 0x10);
		assert_int_equal(machine.reads, 4 - start_level(granules[g].bits, 48));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile),
		cmocka_unit_test(loops),
	};

	return cmocka_run_group_tests(tests, tables_setup, tables_teardown);
}
