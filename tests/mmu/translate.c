/* SPDX-License-Identifier: BSD-2-Clause */
/* Stage-1 translation over tables that the test builds, for every granule. */
#include "tables.h"

static void mmu_off(void **state)
{
	struct machine machine = {.memory = *state};
	struct sv_translation out;

	reset(&machine);
	machine.features = 0;
	assert_int_equal(translate(&machine, 0x09000004, load, 0x30d00800, EL1, &out), SV_OK);
	assert_int_equal(out.ipa, 0x09000004);
	assert_true(out.device);
	assert_int_equal(out.level, -1);
	assert_int_equal(machine.gets + machine.reads, 0);
	assert_int_equal(translate(&machine, UINT64_C(1) << 48, load, 0x30d00800, EL1, &out),
			 SV_ADDRESS_SIZE);
	assert_int_equal(out.esr, 0);
	/* A tag is part of the address, unless TBI. */
	assert_int_equal(translate(&machine, 0x5500000009000004, load, 0x30d00800, EL1, &out),
			 SV_ADDRESS_SIZE);
	machine.regs[SV_TCR_EL1] = TCR_TBI0;
	assert_int_equal(translate(&machine, 0x5500000009000004, load, 0x30d00800, EL1, &out), SV_OK);
	assert_int_equal(out.ipa, 0x09000004);
}

/* A leaf that was mapped comes back, its neighbours and what TnSZ does not cover do not. */
static void check_leaf(struct machine *machine, unsigned granule, unsigned bits, int level, uint64_t va,
		       uint64_t pa, bool legal)
{
	uint64_t size = UINT64_C(1) << level_shift(granule, level), page = va & -size;
	struct sv_translation out;
	enum sv_status status = translate(machine, va, load, M_ON, EL1, &out);

	assert_int_equal(out.level, level);
	if (!legal) {
		assert_int_equal(status, SV_TRANSLATION);
		return;
	}
	assert_int_equal(status, SV_OK);
	assert_int_equal(out.ipa, pa + (va - page));
	assert_int_equal(out.last, pa + size - 1);
	assert_false(out.device);
	assert_true(out.read && out.write && out.execute);
	assert_int_equal(machine->reads, (unsigned)(level - start_level(granule, bits) + 1));
	assert_int_equal(machine->gets, 3);
	assert_int_equal(translate(machine, page - 1, load, M_ON, EL1, &out), SV_TRANSLATION);
	assert_int_equal(translate(machine, page + size, load, M_ON, EL1, &out), SV_TRANSLATION);
	assert_int_equal(translate(machine, va ^ UINT64_C(1) << bits, load, M_ON, EL1, &out), SV_TRANSLATION);
	assert_int_equal(out.level, 0);
	assert_int_equal(out.esr, 4);
}

static bool is_legal(unsigned granule, bool ds, int level)
{
	static const int first[2][17] = {{[12] = 1, [14] = 2, [16] = 1}, {[12] = 0, [14] = 1}};

	return level >= first[ds][granule];
}

/* Every granule, size and start level, both halves, every level of the leaf. */
static void levels(void **state)
{
	struct machine machine = {.memory = *state};
	uint64_t seed = 5;
	unsigned mapped = 0, starts[5] = {0};

	for (unsigned variant = 0; variant < 5; variant++) {
		unsigned g = variant % 3, granule = granules[g].bits;
		bool ds = variant >= 3;

		for (unsigned bits = granule == 16 ? 17 : 16; bits <= (ds || granule == 16 ? 52 : 48);
		     bits++) {
			for (int level = start_level(granule, bits); level <= 3; level++) {
				unsigned shift = level_shift(granule, level);

				for (unsigned upper = 0; upper < 2; upper++) {
					uint64_t base = upper ? -(UINT64_C(1) << bits) : 0, root = 0;
					uint64_t va =
						base + (random_next(&seed) & ((UINT64_C(1) << bits) - 1));
					uint64_t pa =
						random_next(&seed) & -(UINT64_C(1) << shift) &
						(ds || granule == 16 ? 0xfffffffffffff : 0xffffffffffff);

					reset(&machine);
					machine.ds = ds;
					map(&machine, granule, bits, &root, va, level, pa, AF, 0);
					machine.regs[SV_TCR_EL1] =
						tcr_for(g, bits) | IPS(6) | (ds ? TCR_DS : 0);
					machine.regs[upper ? SV_TTBR1_EL1 : SV_TTBR0_EL1] =
						root | UINT64_C(0x2a) << 48 | 1;
					/* Empty, for what is in the other half. */
					machine.regs[upper ? SV_TTBR0_EL1 : SV_TTBR1_EL1] =
						new_table(&machine, 16);
					check_leaf(&machine, granule, bits, level, va, pa,
						   is_legal(granule, ds, level));
					mapped++;
					starts[start_level(granule, bits) + 1]++;
				}
			}
		}
	}
	assert_true(mapped > 700);
	for (unsigned i = 0; i < 5; i++)
		assert_true(starts[i]);
}

struct page_case {
	const char *name;
	uint64_t attributes, table_attributes, tcr;
	struct sv_access_kind kind;
	uint64_t sctlr, pstate;
	enum sv_status status;
};

#define TABLE(bit) (UINT64_C(1) << (bit))

/* Around one page of 4 KiB at level 3. */
static const struct page_case pages[] = {
	{"no access flag", 0, 0, 0, {0}, M_ON, EL1, SV_ACCESS_FLAG},
	{"hardware access flag", 0, 0, TCR_HA, {0}, M_ON, EL1, SV_OK},
	{"EPD0", AF, 0, TCR_EPD0, {0}, M_ON, EL1, SV_TRANSLATION},
	{"E0PD0 keeps EL0 out", AF | AP_EL0, 0, TCR_E0PD0, {.el0 = true}, M_ON, EL0, SV_TRANSLATION},
	{"E0PD0 lets EL1 in", AF | AP_EL0, 0, TCR_E0PD0, {0}, M_ON, EL1, SV_OK},
	{"EL1 reads", AF, 0, 0, {0}, M_ON, EL1, SV_OK},
	{"EL1 writes", AF, 0, 0, {.write = true}, M_ON, EL1, SV_OK},
	{"EL1 does not write read-only", AF | AP_RO, 0, 0, {.write = true}, M_ON, EL1, SV_PERMISSION},
	{"EL1 writes read-only with DBM",
	 AF | AP_RO | DBM,
	 0,
	 TCR_HA | TCR_HD,
	 {.write = true},
	 M_ON,
	 EL1,
	 SV_OK},
	{"HD without HA", AF | AP_RO | DBM, 0, TCR_HD, {.write = true}, M_ON, EL1, SV_PERMISSION},
	{"HA without HD", AF | AP_RO | DBM, 0, TCR_HA, {.write = true}, M_ON, EL1, SV_PERMISSION},
	{"DBM without HD", AF | AP_RO | DBM, 0, 0, {.write = true}, M_ON, EL1, SV_PERMISSION},
	{"EL0 does not read the kernel's", AF, 0, 0, {.el0 = true}, M_ON, EL0, SV_PERMISSION},
	{"EL0 reads its own", AF | AP_EL0, 0, 0, {.el0 = true}, M_ON, EL0, SV_OK},
	{"EL0 writes its own", AF | AP_EL0, 0, 0, {.el0 = true, .write = true}, M_ON, EL0, SV_OK},
	{"EL0 does not write read-only",
	 AF | AP_EL0 | AP_RO,
	 0,
	 0,
	 {.el0 = true, .write = true},
	 M_ON,
	 EL0,
	 SV_PERMISSION},
	{"APTable[0] keeps EL0 out", AF | AP_EL0, TABLE(61), 0, {.el0 = true}, M_ON, EL0, SV_PERMISSION},
	{"APTable[1] is read-only", AF, TABLE(62), 0, {.write = true}, M_ON, EL1, SV_PERMISSION},
	{"HPD0 drops both",
	 AF | AP_EL0,
	 TABLE(61) | TABLE(62),
	 TCR_HPD0,
	 {.el0 = true, .write = true},
	 M_ON,
	 EL0,
	 SV_OK},
	{"PAN", AF | AP_EL0, 0, 0, {0}, M_ON, EL1 | SV_PSTATE_PAN, SV_PERMISSION},
	{"PAN and the kernel's own", AF, 0, 0, {0}, M_ON, EL1 | SV_PSTATE_PAN, SV_OK},
	{"PAN and unprivileged", AF | AP_EL0, 0, 0, {.el0 = true}, M_ON, EL1 | SV_PSTATE_PAN, SV_OK},
	{"PAN and fetches", AF | AP_EL0 | AP_RO, 0, 0, {.fetch = true}, M_ON, EL1 | SV_PSTATE_PAN, SV_OK},
	{"EPAN and EL0's execute-only",
	 AF,
	 0,
	 0,
	 {0},
	 M_ON | UINT64_C(1) << 57,
	 EL1 | SV_PSTATE_PAN,
	 SV_PERMISSION},
	{"EPAN and UXN", AF | UXN, 0, 0, {0}, M_ON | UINT64_C(1) << 57, EL1 | SV_PSTATE_PAN, SV_OK},
	{"EL1 executes", AF, 0, 0, {.fetch = true}, M_ON, EL1, SV_OK},
	{"EL1 and PXN", AF | PXN, 0, 0, {.fetch = true}, M_ON, EL1, SV_PERMISSION},
	{"EL1 and UXN", AF | UXN, 0, 0, {.fetch = true}, M_ON, EL1, SV_OK},
	{"EL1 and PXNTable", AF, TABLE(59), 0, {.fetch = true}, M_ON, EL1, SV_PERMISSION},
	{"EL1 and what EL0 writes", AF | AP_EL0, 0, 0, {.fetch = true}, M_ON, EL1, SV_PERMISSION},
	{"EL1 and WXN", AF, 0, 0, {.fetch = true}, M_ON | SV_SCTLR_WXN, EL1, SV_PERMISSION},
	{"EL1 and WXN, read-only", AF | AP_RO, 0, 0, {.fetch = true}, M_ON | SV_SCTLR_WXN, EL1, SV_OK},
	{"EL0 executes", AF | AP_EL0, 0, 0, {.fetch = true, .el0 = true}, M_ON, EL0, SV_OK},
	{"EL0 executes the kernel's under WXN",
	 AF,
	 0,
	 0,
	 {.fetch = true, .el0 = true},
	 M_ON | SV_SCTLR_WXN,
	 EL0,
	 SV_OK},
	{"EL0 executes only", AF, 0, 0, {.fetch = true, .el0 = true}, M_ON, EL0, SV_OK},
	{"EL0 and UXN", AF | AP_EL0 | UXN, 0, 0, {.fetch = true, .el0 = true}, M_ON, EL0, SV_PERMISSION},
	{"EL0 and UXNTable",
	 AF | AP_EL0,
	 TABLE(60),
	 0,
	 {.fetch = true, .el0 = true},
	 M_ON,
	 EL0,
	 SV_PERMISSION},
	{"EL0 and PXN", AF | AP_EL0 | PXN, 0, 0, {.fetch = true, .el0 = true}, M_ON, EL0, SV_OK},
	{"EL0 and WXN",
	 AF | AP_EL0,
	 0,
	 0,
	 {.fetch = true, .el0 = true},
	 M_ON | SV_SCTLR_WXN,
	 EL0,
	 SV_PERMISSION},
};

/* The fields of TTBR0's half of TCR_EL1 where TTBR1's has them. */
static uint64_t for_half(uint64_t tcr, bool upper)
{
	static const struct {
		unsigned lower, upper;
	} fields[] = {{7, 23}, {37, 38}, {41, 42}, {51, 52}, {55, 56}};

	for (size_t i = 0; upper && i < COUNT(fields); i++)
		if (tcr >> fields[i].lower & 1)
			tcr ^= UINT64_C(1) << fields[i].lower | UINT64_C(1) << fields[i].upper;
	return tcr;
}

static void permissions(void **state)
{
	const uint64_t offset = 0x12345678, pa = 0x40001000;
	struct machine machine = {.memory = *state};

	for (size_t i = 0; i < 2 * COUNT(pages); i++) {
		const struct page_case *page = &pages[i / 2];
		bool upper = i % 2;
		uint64_t root = 0, va = (upper ? -(UINT64_C(1) << 39) : 0) + offset;
		struct sv_translation out;

		reset(&machine);
		map(&machine, 12, 39, &root, va, 3, pa, page->attributes, page->table_attributes);
		machine.regs[SV_TCR_EL1] = tcr_for(0, 39) | for_half(page->tcr, upper);
		machine.regs[upper ? SV_TTBR1_EL1 : SV_TTBR0_EL1] = root;
		check(page->name,
		      translate(&machine, va, page->kind, page->sctlr, page->pstate, &out) == page->status);
		if (page->status == SV_OK)
			check(page->name, out.ipa == (pa | (va & 0xfff)));
		if (page->status == SV_PERMISSION || page->status == SV_ACCESS_FLAG)
			check(page->name, out.level == 3);
	}
}

/* What one table forbids, no table below allows. */
static void table_attributes(void **state)
{
	struct machine machine = {.memory = *state};

	for (unsigned bit = 59; bit <= 62; bit++) {
		for (unsigned level = 1; level <= 3; level++) {
			struct sv_access_kind kind = {.write = bit == 62,
						      .fetch = bit < 61,
						      .el0 = bit == 60 || bit == 61};
			struct sv_translation out;
			uint64_t root = 0;

			reset(&machine);
			map(&machine, 12, 39, &root, 0x1000, 3, 0x5000,
			    AF | (kind.fetch ? AP_RO : 0) | (kind.el0 ? AP_EL0 : 0), 0);
			machine.regs[SV_TCR_EL1] = tcr_for(0, 39);
			machine.regs[SV_TTBR0_EL1] = root;
			assert_int_equal(translate(&machine, 0x1000, kind, M_ON, kind.el0 ? EL0 : EL1, &out),
					 SV_OK);
			/* Of a page or a block these bits are software's. */
			if (level == 3)
				*descriptor(&machine, (*descriptor(&machine, (*descriptor(&machine, root) &
									      0xfffff000)) &
						       0xfffff000) +
							      8) |= TABLE(bit);
			else
				*descriptor(&machine,
					    level == 1 ? root : *descriptor(&machine, root) & 0xfffff000) |=
					TABLE(bit);
			assert_int_equal(translate(&machine, 0x1000, kind, M_ON, kind.el0 ? EL0 : EL1, &out),
					 level == 3 ? SV_OK : SV_PERMISSION);
		}
	}
}

static void tags(void **state)
{
	struct machine machine = {.memory = *state};

	for (unsigned upper = 0; upper < 2; upper++) {
		uint64_t root = 0, base = upper ? -(UINT64_C(1) << 48) : 0;
		struct sv_translation out;

		reset(&machine);
		map(&machine, 12, 48, &root, 0x1000, 3, 0x5000, AF, 0);
		machine.regs[SV_TCR_EL1] = tcr_for(0, 48);
		machine.regs[upper ? SV_TTBR1_EL1 : SV_TTBR0_EL1] = root;
		/* Without TBI each bit above the address must agree with bit 55. */
		for (unsigned bit = 48; bit < 64; bit++)
			if (bit != 55)
				assert_int_equal(translate(&machine, (base + 0x1008) ^ UINT64_C(1) << bit,
							   load, M_ON, EL1, &out),
						 SV_TRANSLATION);
		machine.regs[SV_TCR_EL1] |= for_half(TCR_TBI0, upper);
		assert_int_equal(translate(&machine, (base + 0x1008) ^ UINT64_C(0xab) << 56, load, M_ON, EL1,
					   &out),
				 SV_OK);
		assert_int_equal(out.ipa, 0x5008);
		assert_int_equal(translate(&machine, (base + 0x1008) ^ UINT64_C(0xab) << 56, fetch, M_ON, EL1,
					   &out),
				 SV_OK);
		assert_int_equal(translate(&machine, (base + 0x1008) ^ UINT64_C(1) << 48, load, M_ON, EL1,
					   &out),
				 SV_TRANSLATION);
		machine.regs[SV_TCR_EL1] |= for_half(TCR_TBID0, upper);
		assert_int_equal(translate(&machine, (base + 0x1008) ^ UINT64_C(0xab) << 56, load, M_ON, EL1,
					   &out),
				 SV_OK);
		assert_int_equal(translate(&machine, (base + 0x1008) ^ UINT64_C(0xab) << 56, fetch, M_ON, EL1,
					   &out),
				 SV_TRANSLATION);
	}
}

static void memory_types(void **state)
{
	static const struct {
		uint8_t mair, sh;
		bool device;
		struct sv_memory_type type;
	} types[] = {
		{0x00, 3, true, {0x00, SV_DEVICE_nGnRnE, 0, 0, SV_OUTER_SHAREABLE}},
		{0x04, 0, true, {0x04, SV_DEVICE_nGnRE, 0, 0, SV_OUTER_SHAREABLE}},
		{0x08, 0, true, {0x08, SV_DEVICE_nGRE, 0, 0, SV_OUTER_SHAREABLE}},
		{0x0c, 3, true, {0x0c, SV_DEVICE_GRE, 0, 0, SV_OUTER_SHAREABLE}},
		/* FEAT_XS. */
		{0x05, 3, true, {0x05, SV_DEVICE_nGnRE, 0, 0, SV_OUTER_SHAREABLE}},
		{0x40, 3, false, {0x40, 0, SV_NON_CACHEABLE, SV_NON_CACHEABLE, SV_OUTER_SHAREABLE}},
		{0xa0, 3, false, {0xa0, 0, SV_WRITE_THROUGH, SV_WRITE_THROUGH, SV_INNER_SHAREABLE}},
		/* FEAT_MTE2. */
		{0xf0, 2, false, {0xf0, 0, SV_WRITE_BACK, SV_WRITE_BACK, SV_OUTER_SHAREABLE}},
		{0x44, 3, false, {0x44, 0, SV_NON_CACHEABLE, SV_NON_CACHEABLE, SV_OUTER_SHAREABLE}},
		{0xff, 0, false, {0xff, 0, SV_WRITE_BACK, SV_WRITE_BACK, SV_NON_SHAREABLE}},
		{0xff, 1, false, {0xff, 0, SV_WRITE_BACK, SV_WRITE_BACK, SV_NON_SHAREABLE}},
		{0xff, 2, false, {0xff, 0, SV_WRITE_BACK, SV_WRITE_BACK, SV_OUTER_SHAREABLE}},
		{0xff, 3, false, {0xff, 0, SV_WRITE_BACK, SV_WRITE_BACK, SV_INNER_SHAREABLE}},
		{0xbb, 3, false, {0xbb, 0, SV_WRITE_THROUGH, SV_WRITE_THROUGH, SV_INNER_SHAREABLE}},
		{0x4f, 3, false, {0x4f, 0, SV_WRITE_BACK, SV_NON_CACHEABLE, SV_INNER_SHAREABLE}},
		{0xf4, 3, false, {0xf4, 0, SV_NON_CACHEABLE, SV_WRITE_BACK, SV_INNER_SHAREABLE}},
		{0x33, 3, false, {0x33, 0, SV_WRITE_THROUGH, SV_WRITE_THROUGH, SV_INNER_SHAREABLE}},
		{0x77, 3, false, {0x77, 0, SV_WRITE_BACK, SV_WRITE_BACK, SV_INNER_SHAREABLE}},
	};
	static const struct sv_memory_type off = {0x44, 0, SV_NON_CACHEABLE, SV_NON_CACHEABLE,
						  SV_OUTER_SHAREABLE};
	struct machine machine = {.memory = *state};

	for (size_t i = 0; i < 8 * COUNT(types); i++) {
		unsigned index = i % 8;
		struct sv_translation out;
		uint64_t root = 0, entry;

		reset(&machine);
		entry = map(&machine, 12, 39, &root, 0x1000, 3, 0x5000, AF | ATTR(index), 0);
		*descriptor(&machine, entry) |= (uint64_t)types[i / 8].sh << 8;
		machine.regs[SV_MAIR_EL1] = (uint64_t)types[i / 8].mair << index * 8;
		machine.regs[SV_TCR_EL1] = tcr_for(0, 39);
		machine.regs[SV_TTBR0_EL1] = root;
		assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_OK);
		assert_int_equal(out.device, types[i / 8].device);
		assert_memory_equal(&out.type, &types[i / 8].type, sizeof(out.type));
		/* TCR, TTBR0 and MAIR for data; a fetch needs no MAIR. */
		assert_int_equal(machine.gets, 3);
		assert_int_equal(translate(&machine, 0x1000, fetch, M_ON, EL1, &out), SV_OK);
		assert_int_equal(machine.gets, 2);
		assert_false(out.device);
		/* Caches off. */
		assert_int_equal(translate(&machine, 0x1000, load, M_ON & ~SV_SCTLR_C, EL1, &out), SV_OK);
		assert_int_equal(out.device, types[i / 8].device);
		assert_memory_equal(&out.type, out.device ? &types[i / 8].type : &off, sizeof(out.type));
		/* With DS, TCR_EL1 says what is shareable. */
		for (unsigned sh = 0; sh < 4; sh++) {
			*descriptor(&machine, entry) &= ~UINT64_C(0x300);
			machine.regs[SV_TCR_EL1] = tcr_for(0, 39) | TCR_DS | sh << 12 | (sh ^ 3) << 28;
			assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_OK);
			if (types[i / 8].sh == sh)
				assert_memory_equal(&out.type, &types[i / 8].type, sizeof(out.type));
		}
	}
}

static void big_endian_tables(void **state)
{
	struct machine machine = {.memory = *state};
	struct sv_translation out;
	uint64_t root = 0;

	reset(&machine);
	map(&machine, 12, 39, &root, 0x1000, 3, 0x5000, AF, 0);
	for (uint64_t ipa = MEMORY; ipa < MEMORY + machine.next; ipa += 8)
		*descriptor(&machine, ipa) = __builtin_bswap64(*descriptor(&machine, ipa));
	machine.regs[SV_TCR_EL1] = tcr_for(0, 39);
	machine.regs[SV_TTBR0_EL1] = root;
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_TRANSLATION);
	assert_int_equal(translate(&machine, 0x1000, load, M_ON | SV_SCTLR_EE, EL1, &out), SV_OK);
	assert_int_equal(out.ipa, 0x5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mmu_off),           cmocka_unit_test(levels), cmocka_unit_test(permissions),
		cmocka_unit_test(table_attributes),  cmocka_unit_test(tags),   cmocka_unit_test(memory_types),
		cmocka_unit_test(big_endian_tables),
	};

	return cmocka_run_group_tests(tests, tables_setup, tables_teardown);
}
