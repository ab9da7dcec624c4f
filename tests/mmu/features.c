/* SPDX-License-Identifier: BSD-2-Clause */
/* ID registers, register bits without their feature, TCR2_EL1, refusals and fault status codes. */
#include "tables.h"

enum id { MMFR0, MMFR1, MMFR2, MMFR3, PFR1, ISAR1, ISAR2, IDS };

/* What a value of a field gives over what 0 gives; every other value is tried too. */
static const struct field {
	const char *name;
	enum id id;
	unsigned shift;
	unsigned features[16];
} fields[] = {
	{"HAFDBS",
	 MMFR1,
	 0,
	 {0, SV_MMU_HA, SV_MMU_HA | SV_MMU_HD, SV_MMU_HA | SV_MMU_HD, SV_MMU_HA | SV_MMU_HD}},
	{"HPDS", MMFR1, 12, {0, SV_MMU_HPD, SV_MMU_HPD}},
	{"PAN", MMFR1, 20, {0, 0, 0, SV_MMU_PAN3}},
	{"VARange", MMFR2, 16, {0, SV_MMU_LVA, SV_MMU_LVA}},
	{"ST", MMFR2, 28, {0, SV_MMU_TTST}},
	{"E0PD", MMFR2, 60, {0, SV_MMU_E0PD}},
	{"S1PIE", MMFR3, 8, {0, SV_MMU_S1PIE}},
	{"S1POE", MMFR3, 16, {0, SV_MMU_S1POE}},
	{"AIE", MMFR3, 24, {0, SV_MMU_AIE}},
	{"D128", MMFR3, 32, {0, SV_MMU_D128}},
	{"MTEX", PFR1, 52, {0, SV_MMU_MTX}},
	{"APA", ISAR1, 4, {0, SV_MMU_TBID, SV_MMU_TBID, SV_MMU_TBID, SV_MMU_TBID, SV_MMU_TBID}},
	{"API", ISAR1, 8, {0, SV_MMU_TBID, SV_MMU_TBID, SV_MMU_TBID, SV_MMU_TBID, SV_MMU_TBID}},
	{"APA3", ISAR2, 12, {0, SV_MMU_TBID, SV_MMU_TBID, SV_MMU_TBID, SV_MMU_TBID, SV_MMU_TBID}},
	/* What says nothing about stage 1 of EL1&0. */
	{"S2PIE", MMFR3, 12, {0}},
	{"TCRX", MMFR3, 0, {0}},
	{"VMIDBits", MMFR1, 4, {0}},
	{"TGran4_2", MMFR0, 40, {0}},
	{"UAO", MMFR2, 4, {0}},
};

static unsigned features_of(enum id id, uint64_t value)
{
	/* All three granules, 48 bits. */
	uint64_t regs[IDS] = {[MMFR0] = 0x00100005};

	regs[id] |= value;
	return sv_mmu_features(&(struct sv_mmu_id){
		.aa64mmfr0 = regs[MMFR0],
		.aa64mmfr1 = regs[MMFR1],
		.aa64mmfr2 = regs[MMFR2],
		.aa64mmfr3 = regs[MMFR3],
		.aa64pfr1 = regs[PFR1],
		.aa64isar1 = regs[ISAR1],
		.aa64isar2 = regs[ISAR2],
	});
}

static void id_registers(void **state)
{
	for (size_t i = 0; i < COUNT(fields); i++)
		for (unsigned value = 0; value < 16; value++) {
			unsigned want = fields[i].features[value];

			/* Values to come keep what is there. */
			for (unsigned below = value; !want && below; below--)
				want = fields[i].features[below];
			check(fields[i].name, features_of(fields[i].id, (uint64_t)value << fields[i].shift) ==
						      (want | SV_MMU_PA_BITS(48)));
		}
}

static void granules_and_sizes(void **state)
{
	static const unsigned bits[16] = {32, 36, 40, 42, 44, 48, 52, 52, 52, 52, 52, 52, 52, 52, 52, 52};
	static const struct {
		unsigned shift, value, features;
	} values[] = {
		{28, 0, 0}, {28, 1, SV_MMU_LPA2_4K},  {28, 15, SV_MMU_NO_4K},
		{24, 0, 0}, {24, 15, SV_MMU_NO_64K},  {20, 0, SV_MMU_NO_16K},
		{20, 1, 0}, {20, 2, SV_MMU_LPA2_16K},
	};

	for (unsigned range = 0; range < 16; range++)
		assert_int_equal(sv_mmu_features(&(struct sv_mmu_id){.aa64mmfr0 = 0x00100000 | range}),
				 SV_MMU_PA_BITS(bits[range]));
	for (size_t i = 0; i < COUNT(values); i++) {
		uint64_t mmfr0 = (0x00100005 & ~(UINT64_C(0xf) << values[i].shift)) |
				 (uint64_t)values[i].value << values[i].shift;

		assert_int_equal(sv_mmu_features(&(struct sv_mmu_id){.aa64mmfr0 = mmfr0}),
				 values[i].features | SV_MMU_PA_BITS(48));
	}
}

/* What a bit does where its feature is there, it does not do where it is not. */
static void res0(void **state)
{
	static const struct {
		const char *name;
		unsigned feature;
		uint64_t tcr, attributes, tables, va, sctlr, pstate;
		struct sv_access_kind kind;
		enum sv_status with, without;
	} cases[] = {
		{"HA", SV_MMU_HA, TCR_HA, 0, 0, 0, 0, EL1, {0}, SV_OK, SV_ACCESS_FLAG},
		{"HD",
		 SV_MMU_HD,
		 TCR_HA | TCR_HD,
		 AF | AP_RO | DBM,
		 0,
		 0,
		 0,
		 EL1,
		 {.write = true},
		 SV_OK,
		 SV_PERMISSION},
		{"HPD",
		 SV_MMU_HPD,
		 TCR_HPD0,
		 AF,
		 UINT64_C(1) << 62,
		 0,
		 0,
		 EL1,
		 {.write = true},
		 SV_OK,
		 SV_PERMISSION},
		{"E0PD",
		 SV_MMU_E0PD,
		 TCR_E0PD0,
		 AF | AP_EL0,
		 0,
		 0,
		 0,
		 EL0,
		 {.el0 = true},
		 SV_TRANSLATION,
		 SV_OK},
		{"EPAN",
		 SV_MMU_PAN3,
		 0,
		 AF,
		 0,
		 0,
		 SV_SCTLR_EPAN,
		 EL1 | SV_PSTATE_PAN,
		 {0},
		 SV_PERMISSION,
		 SV_OK},
		{"TBID",
		 SV_MMU_TBID,
		 TCR_TBI0 | TCR_TBID0,
		 AF,
		 0,
		 UINT64_C(1) << 60,
		 0,
		 EL1,
		 {.fetch = true},
		 SV_TRANSLATION,
		 SV_OK},
		{"MTX",
		 SV_MMU_MTX,
		 UINT64_C(1) << 60,
		 AF,
		 0,
		 UINT64_C(1) << 57,
		 0,
		 EL1,
		 {0},
		 SV_OK,
		 SV_TRANSLATION},
		{"MTX has four bits",
		 SV_MMU_MTX,
		 UINT64_C(1) << 60,
		 AF,
		 0,
		 UINT64_C(1) << 60,
		 0,
		 EL1,
		 {0},
		 SV_TRANSLATION,
		 SV_TRANSLATION},
		{"MTX of the other half",
		 SV_MMU_MTX,
		 UINT64_C(1) << 61,
		 AF,
		 0,
		 UINT64_C(1) << 57,
		 0,
		 EL1,
		 {0},
		 SV_TRANSLATION,
		 SV_TRANSLATION},
		/* DS makes bits 9:8 an address. */
		{"DS", SV_MMU_LPA2_4K, TCR_DS, AF | 0x300, 0, 0, 0, EL1, {0}, SV_ADDRESS_SIZE, SV_OK},
	};
	struct machine machine = {.memory = *state};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_translation out;
		uint64_t root = 0;

		reset(&machine);
		map(&machine, 12, 39, &root, 0x1000, 3, 0x5000, cases[i].attributes, cases[i].tables);
		machine.regs[SV_TCR_EL1] = tcr_for(0, 39) | cases[i].tcr;
		machine.regs[SV_TTBR0_EL1] = root;
		check(cases[i].name,
		      translate(&machine, 0x1000 | cases[i].va, cases[i].kind, M_ON | cases[i].sctlr,
				cases[i].pstate, &out) == cases[i].with);
		machine.features = ALL & ~cases[i].feature;
		check(cases[i].name,
		      translate(&machine, 0x1000 | cases[i].va, cases[i].kind, M_ON | cases[i].sctlr,
				cases[i].pstate, &out) == cases[i].without);
	}
}

static void tcr2(void **state)
{
	/* Bits that change nothing for a walk: PnCH, PTTWI, HAFT, DisCHn, A2, FNGn, FNGNAn. */
	static const uint64_t harmless = UINT64_C(0x37cc01);
	struct machine machine = {.memory = *state};
	unsigned features = SV_MMU_S1PIE | SV_MMU_S1POE | SV_MMU_AIE | SV_MMU_D128;

	for (unsigned bit = 0; bit < 64; bit++) {
		enum sv_mmu_refusal refusal = bit == 4   ? SV_MMU_REFUSAL_AIE
					      : bit == 5 ? SV_MMU_REFUSAL_D128
					      : (bit >= 1 && bit <= 3) || harmless >> bit & 1
						      ? SV_MMU_REFUSAL_NONE
						      : SV_MMU_REFUSAL_TCR2;
		struct sv_translation out;
		uint64_t root = 0;

		reset(&machine);
		machine.features = ALL | features;
		map(&machine, 12, 39, &root, 0x1000, 3, 0x5000, AF, 0);
		machine.regs[SV_TCR_EL1] = tcr_for(0, 39);
		machine.regs[SV_TTBR0_EL1] = root;
		machine.regs[SV_PIR_EL1] = 5;
		machine.regs[SV_POR_EL1] = 7;
		machine.regs[SV_TCR2_EL1] = UINT64_C(1) << bit;
		assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out),
				 refusal ? SV_UNSUPPORTED : SV_OK);
		assert_int_equal(out.refusal, refusal);
		assert_int_equal(out.esr, 0);
		/* Only what a bit turns on is read. */
		assert_int_equal(machine.got[SV_PIR_EL1], bit == 1);
		assert_int_equal(machine.got[SV_PIRE0_EL1], bit == 1);
		assert_int_equal(machine.got[SV_POR_EL1], bit == 3);
		assert_int_equal(machine.got[SV_POR_EL0], 0);
		assert_int_equal(machine.got[SV_TCR_EL1], !refusal);
		/* A CPU without any of them has no such register. */
		machine.features = ALL;
		assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_OK);
		assert_int_equal(machine.got[SV_TCR2_EL1], 0);
		/* A bit of a feature that is not there is RES0, of another's register. */
		for (unsigned feature = SV_MMU_S1PIE; feature <= SV_MMU_D128; feature <<= 1) {
			machine.features = ALL | feature;
			assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out),
					 refusal == SV_MMU_REFUSAL_TCR2 ||
							 (feature == SV_MMU_AIE && bit == 4) ||
							 (feature == SV_MMU_D128 && bit == 5)
						 ? SV_UNSUPPORTED
						 : SV_OK);
		}
	}
	assert_string_equal(sv_mmu_refusal_text(SV_MMU_REFUSAL_D128), "TCR2_EL1.D128: 128-bit descriptors");
	assert_non_null(sv_mmu_refusal_text((enum sv_mmu_refusal)99));
}

/* Each register that cannot be read ends the walk. */
static void unreadable_registers(void **state)
{
	static const enum sv_reg needed[] = {SV_TCR2_EL1,  SV_TCR_EL1, SV_TTBR0_EL1, SV_MAIR_EL1,
					     SV_PIRE0_EL1, SV_PIR_EL1, SV_POR_EL1};
	struct machine machine = {.memory = *state};

	for (size_t i = 0; i <= COUNT(needed); i++) {
		struct sv_translation out;
		uint64_t root = 0;

		reset(&machine);
		machine.features = ALL | SV_MMU_S1PIE | SV_MMU_S1POE;
		map(&machine, 12, 39, &root, 0x1000, 3, 0x5000, AF, 0);
		machine.regs[SV_TCR_EL1] = tcr_for(0, 39);
		machine.regs[SV_TTBR0_EL1] = root;
		machine.regs[SV_TCR2_EL1] = 0xa;
		machine.regs[SV_PIR_EL1] = 5;
		machine.regs[SV_POR_EL1] = 7;
		machine.broken = i < COUNT(needed) ? needed[i] : SV_TTBR1_EL1;
		assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out),
				 i < COUNT(needed) ? SV_REGISTER : SV_OK);
		assert_int_equal(out.esr, 0);
		if (i == COUNT(needed))
			assert_int_equal(machine.gets, COUNT(needed));
	}
	/* A tag with the MMU off. */
	{
		struct sv_translation out;

		reset(&machine);
		machine.broken = SV_TCR_EL1;
		assert_int_equal(translate(&machine, UINT64_C(1) << 56, load, 0x30d00800, EL1, &out),
				 SV_REGISTER);
	}
}

static void fault_status_codes(void **state)
{
	static const struct {
		enum sv_status status;
		unsigned codes[5]; /* levels -1 to 3 */
		enum sv_fault_kind kind;
	} codes[] = {
		{SV_ADDRESS_SIZE, {0x29, 0x00, 0x01, 0x02, 0x03}, SV_FAULT_ADDRESS_SIZE},
		{SV_TRANSLATION, {0x2b, 0x04, 0x05, 0x06, 0x07}, SV_FAULT_TRANSLATION},
		{SV_ACCESS_FLAG, {SV_FSC_NONE, 0x08, 0x09, 0x0a, 0x0b}, SV_FAULT_ACCESS_FLAG},
		{SV_PERMISSION, {SV_FSC_NONE, 0x0c, 0x0d, 0x0e, 0x0f}, SV_FAULT_PERMISSION},
		{SV_FAULT, {0x13, 0x14, 0x15, 0x16, 0x17}, SV_FAULT_EXTERNAL_WALK},
		{SV_ALIGNMENT, {0x21, 0x21, 0x21, 0x21, 0x21}, SV_FAULT_ALIGNMENT},
	};
	static const enum sv_status others[] = {SV_OK, SV_UNSUPPORTED, SV_REGISTER, SV_MALFORMED};

	for (size_t i = 0; i < COUNT(codes); i++) {
		for (int level = -1; level <= 3; level++) {
			unsigned fsc = sv_stage1_fsc(codes[i].status, level);

			assert_int_equal(fsc, codes[i].codes[level + 1]);
			if (fsc != SV_FSC_NONE)
				assert_int_equal(sv_syndrome_fault_kind(fsc), codes[i].kind);
		}
		if (codes[i].status != SV_ALIGNMENT) {
			assert_int_equal(sv_stage1_fsc(codes[i].status, -2), SV_FSC_NONE);
			assert_int_equal(sv_stage1_fsc(codes[i].status, 4), SV_FSC_NONE);
		}
	}
	for (size_t i = 0; i < COUNT(others); i++)
		for (int level = -1; level <= 3; level++)
			assert_int_equal(sv_stage1_fsc(others[i], level), SV_FSC_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_registers),
		cmocka_unit_test(granules_and_sizes),
		cmocka_unit_test(res0),
		cmocka_unit_test(tcr2),
		cmocka_unit_test(unreadable_registers),
		cmocka_unit_test(fault_status_codes),
	};

	return cmocka_run_group_tests(tests, tables_setup, tables_teardown);
}
