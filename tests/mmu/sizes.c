/* SPDX-License-Identifier: BSD-2-Clause */
/* How far addresses reach in stage-1 translation: inputs, outputs, and tables. */
#include "tables.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(small_first_tables),
		cmocka_unit_test(table_sizes),
		cmocka_unit_test(large_addresses),
		cmocka_unit_test(address_of_mmu_off),
	};

	return cmocka_run_group_tests(tests, tables_setup, tables_teardown);
}
