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

/* How far an address reaches, by what the CPU has. */
static void address_of_mmu_off(void **state)
{
	static const unsigned sizes[] = {32, 36, 40, 42, 44, 48, 52};
	struct machine machine = {.memory = *state};
	struct sv_translation out;

	reset(&machine);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		uint64_t limit = UINT64_C(1) << sizes[i];

		machine.features = SV_MMU_PA_BITS(sizes[i]);
		assert_int_equal(translate(&machine, limit - 4, load, 0x30d00800, EL1, &out), SV_OK);
		assert_int_equal(out.last, limit - 1);
		assert_int_equal(out.type.device, SV_DEVICE_nGnRnE);
		assert_int_equal(out.type.shareability, SV_OUTER_SHAREABLE);
		assert_int_equal(translate(&machine, limit, load, 0x30d00800, EL1, &out), SV_ADDRESS_SIZE);
		assert_int_equal(out.esr, 0);
		assert_int_equal(machine.gets, 0);
		assert_int_equal(translate(&machine, UINT64_C(1) << 55, load, 0x30d00800, EL1, &out),
				 SV_ADDRESS_SIZE);
	}
	/* Fetches are from Normal memory; TBID takes their tags. */
	assert_int_equal(translate(&machine, 0x1000, fetch, 0x30d00800, EL1, &out), SV_OK);
	assert_false(out.device);
	machine.features = ALL;
	machine.regs[SV_TCR_EL1] = TCR_TBI0 | TCR_TBID0;
	assert_int_equal(translate(&machine, 0x5500000000001000, load, 0x30d00800, EL1, &out), SV_OK);
	assert_int_equal(translate(&machine, 0x5500000000001000, fetch, 0x30d00800, EL1, &out),
			 SV_ADDRESS_SIZE);
	/* MTX: four bits, and not of a fetch. */
	machine.regs[SV_TCR_EL1] = UINT64_C(1) << 60;
	assert_int_equal(translate(&machine, 0x0500000000001000, load, 0x30d00800, EL1, &out), SV_OK);
	assert_int_equal(out.ipa, 0x1000);
	assert_int_equal(translate(&machine, 0x1500000000001000, load, 0x30d00800, EL1, &out),
			 SV_ADDRESS_SIZE);
	assert_int_equal(translate(&machine, 0x0500000000001000, fetch, 0x30d00800, EL1, &out),
			 SV_ADDRESS_SIZE);
}

static void sizes(void **state)
{
	struct machine machine = {.memory = *state};
	struct sv_translation out;
	uint64_t root = 0, entry;

	reset(&machine);
	entry = map(&machine, 12, 39, &root, 0x1000, 3, UINT64_C(1) << 36, AF, 0);
	machine.regs[SV_TTBR0_EL1] = root;
	/* IPS of 36 bits: the page lies beyond. */
	machine.regs[SV_TCR_EL1] = (tcr_for(0, 39) & ~IPS(7)) | IPS(1);
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_ADDRESS_SIZE);
	assert_int_equal(out.level, 3);
	machine.regs[SV_TCR_EL1] = (tcr_for(0, 39) & ~IPS(7)) | IPS(2);
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_OK);
	/* That comes before the access flag. */
	*descriptor(&machine, entry) &= ~AF;
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_ACCESS_FLAG);
	machine.regs[SV_TCR_EL1] = (tcr_for(0, 39) & ~IPS(7)) | IPS(1);
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_ADDRESS_SIZE);
	*descriptor(&machine, entry) |= AF;
	/*
	 * A table beyond it: the fault is of the level that names the table; of the base register, level 0.
	 */
	*descriptor(&machine, root) |= UINT64_C(1) << 37;
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_ADDRESS_SIZE);
	assert_int_equal(out.level, 1);
	*descriptor(&machine, root) &= ~(UINT64_C(1) << 37);
	machine.regs[SV_TCR_EL1] = (tcr_for(0, 39) & ~IPS(7)) | IPS(2);
	machine.regs[SV_TTBR0_EL1] = UINT64_C(1) << 41;
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_ADDRESS_SIZE);
	assert_int_equal(out.level, 0);
	/* What each IPS holds: the last page below, and the first beyond. */
	machine.regs[SV_TTBR0_EL1] = root;
	for (unsigned ips = 0; ips < 6; ips++) {
		static const unsigned bits[] = {32, 36, 40, 42, 44, 48};

		machine.regs[SV_TCR_EL1] = (tcr_for(0, 39) & ~IPS(7)) | IPS(ips);
		*descriptor(&machine, entry) = ((UINT64_C(1) << bits[ips]) - 0x1000) | AF | 3;
		assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_OK);
		*descriptor(&machine, entry) = UINT64_C(1) << bits[ips] | AF | 3;
		if (bits[ips] < 48)
			assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_ADDRESS_SIZE);
	}
	machine.regs[SV_TCR_EL1] = tcr_for(0, 39);
	/* A table where there is no memory, and one that cannot be read: an external abort on the walk. */
	machine.regs[SV_TTBR0_EL1] = 0x1000;
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_FAULT);
	assert_int_equal(out.esr, 0x15);
	assert_true(out.no_table);
	machine.regs[SV_TTBR0_EL1] = root;
	machine.bad = entry;
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_FAULT);
	assert_int_equal(out.esr, 0x17);
	assert_false(out.no_table);
	machine.bad = 0;
	/* Reserved sizes are the largest one, of which descriptors without DS hold 48 bits. */
	for (unsigned ips = 6; ips < 8; ips++) {
		machine.regs[SV_TCR_EL1] = (tcr_for(0, 39) & ~IPS(7)) | IPS(ips);
		assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_OK);
		assert_int_equal(out.ipa, 0);
	}
	/* A granule that is reserved, and one that is not there. */
	machine.regs[SV_TCR_EL1] = tcr_for(0, 39) | 3 << 14;
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_UNSUPPORTED);
	assert_int_equal(out.refusal, SV_MMU_REFUSAL_GRANULE);
	assert_int_equal(out.esr, 0);
	for (unsigned g = 0; g < COUNT(granules); g++) {
		static const unsigned missing[] = {SV_MMU_NO_4K, SV_MMU_NO_16K, SV_MMU_NO_64K};

		machine.regs[SV_TCR_EL1] = tcr_for(g, 39);
		for (unsigned upper = 0; upper < 2; upper++) {
			machine.features = ALL | missing[g];
			assert_int_equal(translate(&machine, -(uint64_t)upper, load, M_ON, EL1, &out),
					 SV_UNSUPPORTED);
			assert_int_equal(out.refusal, SV_MMU_REFUSAL_GRANULE);
			machine.features = ALL | (missing[(g + 1) % 3]);
			assert_int_not_equal(translate(&machine, -(uint64_t)upper, load, M_ON, EL1, &out),
					     SV_UNSUPPORTED);
		}
	}
}

/* TnSZ that is out of range is a translation fault of level 0, and no table is read. */
static void table_sizes(void **state)
{
	static const struct {
		unsigned granule, features, least, most;
		bool ds;
	} limits[] = {
		{0, 0, 16, 39, false},
		{1, 0, 16, 39, false},
		{2, 0, 16, 39, false},
		{0, SV_MMU_LVA, 16, 39, false},
		{2, SV_MMU_LVA, 12, 39, false},
		{0, SV_MMU_TTST, 16, 48, false},
		{1, SV_MMU_TTST, 16, 48, false},
		{2, SV_MMU_TTST, 16, 47, false},
		{0, SV_MMU_LPA2_4K, 12, 39, true},
		{1, SV_MMU_LPA2_16K, 12, 39, true},
		{0, SV_MMU_LPA2_16K, 16, 39, true},
		{1, SV_MMU_LPA2_4K, 16, 39, true},
		{2, SV_MMU_LPA2_4K | SV_MMU_LPA2_16K, 16, 39, true},
		{0, ALL, 12, 48, true},
	};
	struct machine machine = {.memory = *state};

	for (size_t i = 0; i < 2 * COUNT(limits); i++) {
		bool upper = i % 2;

		for (unsigned size = 0; size < 64; size++) {
			bool good = size >= limits[i / 2].least && size <= limits[i / 2].most;
			struct sv_translation out;

			reset(&machine);
			machine.features = limits[i / 2].features | SV_MMU_PA_BITS(52);
			machine.regs[SV_TCR_EL1] =
				(tcr_for(limits[i / 2].granule, 39) & ~UINT64_C(0x3f003f)) |
				(uint64_t)size << (upper ? 16 : 0) | (limits[i / 2].ds ? TCR_DS : 0);
			machine.regs[SV_TTBR0_EL1] = machine.regs[SV_TTBR1_EL1] = MEMORY;
			assert_int_equal(translate(&machine, upper ? UINT64_MAX << 3 : 0, load, M_ON, EL1,
						   &out),
					 SV_TRANSLATION);
			assert_int_equal(machine.reads, good);
			if (!good) {
				assert_int_equal(out.esr, 4);
				assert_int_equal(machine.gets, 1);
			}
		}
	}
}

/* Where a base register and descriptors keep address bits 51:48. */
static void large_addresses(void **state)
{
	static const struct {
		unsigned granule;
		bool ds;
		uint64_t bit, moved; /* of the address, and where a descriptor has it */
		bool ignored;        /* RES0 in a descriptor */
	} bits[] = {
		{0, true, 49, 49, false},  {0, true, 48, 48, false},  {0, true, 50, 8, false},
		{0, true, 51, 9, false},   {1, true, 48, 48, false},  {1, true, 50, 8, false},
		{1, true, 51, 9, false},   {2, false, 48, 12, false}, {2, false, 49, 13, false},
		{2, false, 50, 14, false}, {2, false, 51, 15, false}, {0, false, 0, 48, true},
		{0, false, 0, 49, true},   {0, false, 0, 8, true},    {1, false, 0, 49, true},
		{2, false, 0, 48, true},   {2, true, 51, 15, false},  {2, true, 0, 8, true},
	};
	struct machine machine = {.memory = *state};

	for (size_t i = 0; i < COUNT(bits); i++) {
		unsigned granule = granules[bits[i].granule].bits, shift = granule + granule - 3;
		uint64_t tcr = tcr_for(bits[i].granule, shift + 3) | (bits[i].ds ? TCR_DS : 0);
		uint64_t root = 0, leaf,
			 wanted = bits[i].ignored ? 0x50000 : 0x50000 | UINT64_C(1) << bits[i].bit;
		struct sv_translation out;

		reset(&machine);
		machine.ds = bits[i].ds;
		leaf = map(&machine, granule, shift + 3, &root, 0x10000, 3, 0x50000, AF, 0);
		machine.regs[SV_TTBR0_EL1] = root;
		machine.regs[SV_TCR_EL1] = tcr | IPS(6);
		*descriptor(&machine, leaf) |= UINT64_C(1) << bits[i].moved;
		assert_int_equal(translate(&machine, 0x10000, load, M_ON, EL1, &out), SV_OK);
		assert_int_equal(out.ipa, wanted);
		/* Too large with every smaller IPS. */
		machine.regs[SV_TCR_EL1] = (tcr & ~IPS(7)) | IPS(5);
		assert_int_equal(translate(&machine, 0x10000, load, M_ON, EL1, &out),
				 bits[i].ignored ? SV_OK : SV_ADDRESS_SIZE);
		*descriptor(&machine, leaf) &= ~(UINT64_C(1) << bits[i].moved);
		/* The same of a table. */
		machine.regs[SV_TCR_EL1] = tcr | IPS(6);
		*descriptor(&machine, root) |= UINT64_C(1) << bits[i].moved;
		assert_int_equal(translate(&machine, 0x10000, load, M_ON, EL1, &out),
				 bits[i].ignored ? SV_OK : SV_FAULT);
		machine.regs[SV_TCR_EL1] = (tcr & ~IPS(7)) | IPS(5);
		assert_int_equal(translate(&machine, 0x10000, load, M_ON, EL1, &out),
				 bits[i].ignored ? SV_OK : SV_ADDRESS_SIZE);
	}
	/* TTBR: bits 5:2, where addresses have 52 bits; else they are RES0 in a table of 64 bytes. */
	for (unsigned variant = 0; variant < 5; variant++) {
		unsigned g = variant % 3, granule = granules[g].bits, bits = granule + granule - 3 + 3;
		bool ds = variant >= 3, large = ds || g == 2;
		uint64_t root = 0;
		struct sv_translation out;

		reset(&machine);
		machine.ds = ds;
		map(&machine, granule, bits, &root, 0x10000, 3, 0x50000, AF, 0);
		for (unsigned bit = 2; bit < 6; bit++) {
			machine.regs[SV_TTBR0_EL1] = root | 1u << bit;
			machine.regs[SV_TCR_EL1] = tcr_for(g, bits) | IPS(6) | (ds ? TCR_DS : 0);
			assert_int_equal(translate(&machine, 0x10000, load, M_ON, EL1, &out),
					 large ? SV_FAULT : SV_OK);
			if (large) {
				assert_int_equal(machine.last_read, root | UINT64_C(1) << (bit + 46));
				assert_int_equal(out.esr, 0x16);
			}
		}
	}
	/* There a table of 16 bytes is aligned to 64 all the same. */
	for (unsigned ds = 0; ds < 2; ds++) {
		uint64_t root = 0;
		struct sv_translation out;

		reset(&machine);
		machine.ds = ds;
		map(&machine, 12, 22, &root, 0x1000, 3, 0x5000, AF, 0);
		memcpy(descriptor(&machine, root + (ds ? 0 : 0x30)), descriptor(&machine, root), 16);
		machine.regs[SV_TTBR0_EL1] = root | 0x30;
		machine.regs[SV_TCR_EL1] = tcr_for(0, 22) | (ds ? TCR_DS : 0);
		/* With DS 0x30 is bits 51:50, and too large for this IPS. */
		assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out),
				 ds ? SV_ADDRESS_SIZE : SV_OK);
	}
}

/* A first table of few entries is aligned to its size, down to two entries of 8 bytes. */
static void small_first_tables(void **state)
{
	struct machine machine = {.memory = *state};

	for (unsigned g = 0; g < COUNT(granules); g++) {
		unsigned granule = granules[g].bits;

		for (unsigned bits = 17; bits <= 48; bits++) {
			unsigned shift = level_shift(granule, start_level(granule, bits));
			uint64_t size = UINT64_C(8) << (bits - shift), root = 0, moved;
			struct sv_translation out;

			if (size > 64)
				continue;
			reset(&machine);
			map(&machine, granule, bits, &root, 0x1000, 3, 0x50000, AF, 0);
			moved = new_table(&machine, granule) + 3 * size;
			memcpy(descriptor(&machine, moved), descriptor(&machine, root), size);
			machine.regs[SV_TCR_EL1] = tcr_for(g, bits);
			/* Bits below are RES0 or CnP. */
			machine.regs[SV_TTBR0_EL1] = moved | (size - 1);
			assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_OK);
			assert_int_equal(out.ipa, granule == 12 ? 0x50000 : 0x51000);
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
		cmocka_unit_test(mmu_off),
		cmocka_unit_test(levels),
		cmocka_unit_test(permissions),
		cmocka_unit_test(table_attributes),
		cmocka_unit_test(tags),
		cmocka_unit_test(memory_types),
		cmocka_unit_test(sizes),
		cmocka_unit_test(small_first_tables),
		cmocka_unit_test(big_endian_tables),
		cmocka_unit_test(table_sizes),
		cmocka_unit_test(large_addresses),
		cmocka_unit_test(address_of_mmu_off),
	};

	return cmocka_run_group_tests(tests, tables_setup, tables_teardown);
}
