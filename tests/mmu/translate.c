/* SPDX-License-Identifier: BSD-2-Clause */
/* Stage-1 translation over tables that the test builds, for every granule. */
#include <stdlib.h>

#include <salvage/mmu.h>

#include "support/check.h"

#define MEMORY      0x80000000
#define MEMORY_SIZE (8u << 20)

/* Descriptor attributes. */
#define AF          (UINT64_C(1) << 10)
#define AP_EL0      (UINT64_C(1) << 6)
#define AP_RO       (UINT64_C(1) << 7)
#define PXN         (UINT64_C(1) << 53)
#define UXN         (UINT64_C(1) << 54)
#define DBM         (UINT64_C(1) << 51)
#define ATTR(index) ((uint64_t)(index) << 2)

#define TCR_EPD0   (UINT64_C(1) << 7)
#define TCR_TBI0   (UINT64_C(1) << 37)
#define TCR_HA     (UINT64_C(1) << 39)
#define TCR_HD     (UINT64_C(1) << 40)
#define TCR_HPD0   (UINT64_C(1) << 41)
#define TCR_TBID0  (UINT64_C(1) << 51)
#define TCR_E0PD0  (UINT64_C(1) << 55)
#define TCR_DS     (UINT64_C(1) << 59)
#define IPS(value) ((uint64_t)(value) << 32)

#define EL1  0x3c5
#define EL0  0x3c0
#define M_ON 0x30d00801

struct machine {
	uint64_t regs[SV_REG_COUNT];
	unsigned gets, reads;
	uint8_t *memory;
	uint64_t next; /* the next free table */
	uint64_t bad;  /* reading this address faults */
};

static enum sv_status get(void *opaque, enum sv_reg reg, uint64_t *value)
{
	struct machine *machine = opaque;

	machine->gets++;
	*value = machine->regs[reg];
	return SV_OK;
}

static enum sv_status set(void *opaque, enum sv_reg reg, uint64_t value)
{
	fail_msg("translation wrote register %d", reg);
	return SV_REGISTER;
}

static const struct sv_regs_ops ops = {get, set};

static enum sv_status read_descriptor(void *opaque, uint64_t ipa, uint64_t *value)
{
	struct machine *machine = opaque;

	machine->reads++;
	assert_int_equal(ipa % 8, 0);
	if (ipa < MEMORY || ipa >= MEMORY + MEMORY_SIZE)
		return SV_TRANSLATION;
	if (ipa == machine->bad)
		return SV_FAULT;
	memcpy(value, machine->memory + (ipa - MEMORY), 8);
	return SV_OK;
}

static void reset(struct machine *machine)
{
	uint8_t *memory = machine->memory;

	memset(memory, 0, MEMORY_SIZE);
	*machine = (struct machine){.memory = memory};
	machine->regs[SV_MAIR_EL1] =
		0xff440c0400ff; /* 0: Normal, 1: Device-nGnRnE, 2: Device-nGnRE, 3: Device-GRE, 4, 5: Normal */
}

static uint64_t *descriptor(struct machine *machine, uint64_t ipa)
{
	return (uint64_t *)(machine->memory + (ipa - MEMORY));
}

static uint64_t new_table(struct machine *machine, unsigned granule)
{
	uint64_t size = UINT64_C(1) << granule, table = (machine->next + size - 1) & ~(size - 1);

	machine->next = table + size;
	return MEMORY + table;
}

/*
 * Levels, from the top, that an address of bits passes; written apart from the code under test: by counting
 * down.
 */
static int start_level(unsigned granule, unsigned bits)
{
	int level = 3;

	for (unsigned covered = granule + granule - 3; covered < bits; covered += granule - 3)
		level--;
	return level;
}

static unsigned level_shift(unsigned granule, int level)
{
	return granule + (unsigned)(3 - level) * (granule - 3);
}

/*
 * Maps the page or block of va at level to pa, making the tables on the way; returns the address of its
 * descriptor.
 */
static uint64_t map(struct machine *machine, unsigned granule, unsigned bits, uint64_t *root, uint64_t va,
		    int level, uint64_t pa, uint64_t attributes, uint64_t table_attributes)
{
	int at = start_level(granule, bits);
	uint64_t table;

	va &= (UINT64_C(1) << bits) - 1;
	if (!*root)
		*root = new_table(machine, granule);
	table = *root;
	for (;; at++) {
		uint64_t index = va >> level_shift(granule, at) & ((UINT64_C(1) << (granule - 3)) - 1);
		uint64_t *entry = descriptor(machine, table + index * 8);

		if (at == level) {
			*entry = pa | attributes | (level == 3 ? 3 : 1);
			return table + index * 8;
		}
		if (!(*entry & 1))
			*entry = new_table(machine, granule) | table_attributes | 3;
		table = *entry & 0xfffffffff000 & ~((UINT64_C(1) << granule) - 1);
	}
}

static enum sv_status translate(struct machine *machine, uint64_t va, struct sv_access_kind kind,
				uint64_t sctlr, uint64_t pstate, struct sv_translation *out)
{
	struct sv_context context = {.pstate = pstate, .sctlr_el1 = sctlr};

	machine->gets = machine->reads = 0;
	return sv_translate(&context, 0, va, kind, &ops, read_descriptor, machine, out);
}

static const struct sv_access_kind load = {0}, fetch = {.fetch = true};

static const struct {
	unsigned bits;
	uint64_t tg0, tg1;
} granules[] = {{12, 0, 2}, {14, 2, 1}, {16, 1, 3}};

static uint64_t tcr_for(unsigned granule_index, unsigned bits)
{
	return (64 - bits) | (uint64_t)(64 - bits) << 16 | granules[granule_index].tg0 << 14 |
	       granules[granule_index].tg1 << 30 | IPS(5);
}

static void mmu_off(void **state)
{
	struct machine machine = {.memory = *state};
	struct sv_translation out;

	reset(&machine);
	assert_int_equal(translate(&machine, 0x09000004, load, 0x30d00800, EL1, &out), SV_OK);
	assert_int_equal(out.ipa, 0x09000004);
	assert_true(out.device);
	assert_int_equal(out.level, -1);
	assert_int_equal(machine.gets + machine.reads, 0);
	assert_int_equal(translate(&machine, UINT64_C(1) << 48, load, 0x30d00800, EL1, &out),
			 SV_ADDRESS_SIZE);
	/* A tag is part of the address, unless TBI. */
	assert_int_equal(translate(&machine, 0x5500000009000004, load, 0x30d00800, EL1, &out),
			 SV_ADDRESS_SIZE);
	machine.regs[SV_TCR_EL1] = TCR_TBI0;
	assert_int_equal(translate(&machine, 0x5500000009000004, load, 0x30d00800, EL1, &out), SV_OK);
	assert_int_equal(out.ipa, 0x09000004);
}

/*
 * Every granule, every start level, both halves, every legal leaf level: what was mapped comes back, its
 * neighbours do not.
 */
static void levels(void **state)
{
	struct machine machine = {.memory = *state};
	uint64_t seed = 5;
	unsigned mapped = 0;

	for (unsigned g = 0; g < COUNT(granules); g++) {
		unsigned granule = granules[g].bits;

		for (unsigned bits = 25; bits <= 48; bits++) {
			for (int level = start_level(granule, bits); level <= 3; level++) {
				bool legal = level == 3 || level == 2 || (level == 1 && granule == 12);
				unsigned shift = level_shift(granule, level);

				for (unsigned upper = 0; upper < 2; upper++) {
					uint64_t base = upper ? -(UINT64_C(1) << bits) : 0, root = 0;
					uint64_t offset = random_next(&seed) & ((UINT64_C(1) << bits) - 1);
					uint64_t va = base + offset, page = va & -(UINT64_C(1) << shift);
					uint64_t pa =
						random_next(&seed) & 0xffffffffffff & -(UINT64_C(1) << shift);
					struct sv_translation out;

					if (shift >= bits && level != start_level(granule, bits))
						continue;
					reset(&machine);
					map(&machine, granule, bits, &root, va, level, pa, AF, 0);
					machine.regs[SV_TCR_EL1] = tcr_for(g, bits);
					machine.regs[upper ? SV_TTBR1_EL1 : SV_TTBR0_EL1] =
						root | UINT64_C(0x2a) << 48 | 1;
					machine.regs[upper ? SV_TTBR0_EL1 : SV_TTBR1_EL1] = 0x1234567890;
					if (!legal) {
						assert_int_equal(translate(&machine, va, load, M_ON, EL1,
									   &out),
								 SV_TRANSLATION);
						assert_int_equal(out.level, level);
						continue;
					}
					mapped++;
					assert_int_equal(translate(&machine, va, load, M_ON, EL1, &out),
							 SV_OK);
					assert_int_equal(out.ipa, pa + (va - page));
					assert_int_equal(out.last, pa + (UINT64_C(1) << shift) - 1);
					assert_int_equal(out.level, level);
					assert_false(out.device);
					assert_int_equal(machine.reads,
							 (unsigned)(level - start_level(granule, bits) + 1));
					assert_int_equal(translate(&machine, page - 1, load, M_ON, EL1, &out),
							 SV_TRANSLATION);
					assert_int_equal(translate(&machine, page + (UINT64_C(1) << shift),
								   load, M_ON, EL1, &out),
							 SV_TRANSLATION);
					/* Just outside of what TnSZ covers. */
					assert_int_equal(translate(&machine,
								   va ^ UINT64_C(1)
										   << (bits < 48 ? bits : 50),
								   load, M_ON, EL1, &out),
							 SV_TRANSLATION);
				}
			}
		}
	}
	assert_true(mapped > 200);
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
	{"DS is refused", AF, 0, TCR_DS, {0}, M_ON, EL1, SV_UNSUPPORTED},
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
		unsigned index;
		bool device;
	} types[] = {{0, false}, {1, true}, {2, true}, {3, true}, {4, false}, {5, false}, {7, true}};
	struct machine machine = {.memory = *state};

	for (size_t i = 0; i < COUNT(types); i++) {
		struct sv_translation out;
		uint64_t root = 0;

		reset(&machine);
		map(&machine, 12, 39, &root, 0x1000, 3, 0x5000, AF | ATTR(types[i].index), 0);
		machine.regs[SV_TCR_EL1] = tcr_for(0, 39);
		machine.regs[SV_TTBR0_EL1] = root;
		assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_OK);
		assert_int_equal(out.device, types[i].device);
		/* TCR, TTBR0 and MAIR for data; a fetch needs no MAIR. */
		assert_int_equal(machine.gets, 3);
		assert_int_equal(translate(&machine, 0x1000, fetch, M_ON, EL1, &out), SV_OK);
		assert_int_equal(machine.gets, 2);
	}
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
	/* A table where there is no memory, and one that cannot be read. */
	machine.regs[SV_TTBR0_EL1] = 0x1000;
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_TRANSLATION);
	machine.regs[SV_TTBR0_EL1] = root;
	machine.bad = entry;
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_FAULT);
	/* Refused by name: 52-bit sizes, reserved granules, sizes out of range. */
	for (unsigned ips = 6; ips < 8; ips++) {
		machine.regs[SV_TCR_EL1] = (tcr_for(0, 39) & ~IPS(7)) | IPS(ips);
		assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_UNSUPPORTED);
	}
	machine.regs[SV_TCR_EL1] = tcr_for(0, 24);
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_UNSUPPORTED);
	machine.regs[SV_TCR_EL1] = tcr_for(0, 39) | 3 << 14;
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_UNSUPPORTED);
	machine.regs[SV_TCR_EL1] = tcr_for(0, 52);
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_UNSUPPORTED);
	machine.regs[SV_TCR_EL1] = tcr_for(0, 20);
	assert_int_equal(translate(&machine, 0x1000, load, M_ON, EL1, &out), SV_UNSUPPORTED);
}

/* A first table of few entries is aligned to its size, down to two entries of 8 bytes. */
static void small_first_tables(void **state)
{
	struct machine machine = {.memory = *state};

	for (unsigned g = 0; g < COUNT(granules); g++) {
		unsigned granule = granules[g].bits;

		for (unsigned bits = 25; bits <= 48; bits++) {
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

static void extensions(void **state)
{
	static const struct {
		uint64_t tcr2;
		enum sv_status status;
	} registers[] = {{0, SV_OK},
			 {1, SV_OK},
			 {1 << 1, SV_UNSUPPORTED},
			 {1 << 2, SV_UNSUPPORTED},
			 {1 << 3, SV_UNSUPPORTED},
			 {1 << 4, SV_UNSUPPORTED},
			 {1 << 5, SV_UNSUPPORTED}};
	struct machine machine = {.memory = *state};

	for (size_t i = 0; i < COUNT(registers); i++) {
		struct sv_context context = {.pstate = EL1, .sctlr_el1 = M_ON};
		struct sv_translation out;
		uint64_t root = 0;

		reset(&machine);
		map(&machine, 12, 39, &root, 0x1000, 3, 0x5000, AF, 0);
		machine.regs[SV_TCR_EL1] = tcr_for(0, 39);
		machine.regs[SV_TTBR0_EL1] = root;
		machine.regs[SV_TCR2_EL1] = registers[i].tcr2;
		assert_int_equal(sv_translate(&context, SV_MMU_S1PIE, 0x1000, load, &ops, read_descriptor,
					      &machine, &out),
				 registers[i].status);
		/* A CPU without the extension has no such register. */
		assert_int_equal(sv_translate(&context, 0, 0x1000, load, &ops, read_descriptor, &machine,
					      &out),
				 SV_OK);
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

/* Tables full of noise that point at each other: at most four reads, and an answer. */
static void hostile_tables(void **state)
{
	struct machine machine = {.memory = *state};
	unsigned answers[16] = {0};
	uint64_t seed = 9;

	reset(&machine);
	for (uint64_t ipa = MEMORY; ipa < MEMORY + MEMORY_SIZE; ipa += 8) {
		uint64_t r = random_next(&seed);

		*descriptor(&machine, ipa) = (r & 0xfff0000000000fff) |
					     (r >> 60 ? MEMORY | (r & 0x7ff000) : r & 0xfffffffff000) |
					     (r >> 57 ? 3 : 0);
	}
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t r = random_next(&seed);
		struct sv_access_kind kind = {r & 1, r >> 1 & 1, r >> 2 & 1};
		struct sv_translation out;
		enum sv_status status;

		machine.regs[SV_TCR_EL1] = tcr_for(r >> 3 & 1   ? 0
						   : r >> 4 & 1 ? 1
								: 2,
						   25 + (r >> 8) % 24) |
					   (r >> 16 & 7) << 39;
		machine.regs[SV_TTBR0_EL1] = machine.regs[SV_TTBR1_EL1] = MEMORY | (r >> 24 & 0x7fffff);
		status =
			translate(&machine, r >> 20 & 1 ? random_next(&seed) : random_next(&seed) & 0x1ffffff,
				  kind, M_ON, EL1, &out);
		assert_true(machine.reads <= 4);
		answers[status]++;
	}
	assert_true(answers[SV_OK] > 1000 && answers[SV_TRANSLATION] > 1000 && answers[SV_PERMISSION] > 1000);
}

static int setup(void **state)
{
	*state = malloc(MEMORY_SIZE);
	return !*state;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mmu_off),        cmocka_unit_test(levels),
		cmocka_unit_test(permissions),    cmocka_unit_test(table_attributes),
		cmocka_unit_test(tags),           cmocka_unit_test(memory_types),
		cmocka_unit_test(sizes),          cmocka_unit_test(small_first_tables),
		cmocka_unit_test(extensions),     cmocka_unit_test(big_endian_tables),
		cmocka_unit_test(hostile_tables),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
