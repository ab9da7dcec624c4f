/* SPDX-License-Identifier: BSD-2-Clause */
/* Stage-1 tables that a test builds in memory, and translation through them. */
#ifndef TABLES_H
#define TABLES_H

#include <stdlib.h>

#include <salvage/mmu.h>
#include <salvage/syndrome.h>

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
#define M_ON 0x30d00805 /* M and C */

/* Every feature but those that refuse, and those that make TCR2_EL1 be read. */
#define FEATURES                                                                                            \
	(SV_MMU_LPA2_4K | SV_MMU_LPA2_16K | SV_MMU_LVA | SV_MMU_TTST | SV_MMU_HA | SV_MMU_HD | SV_MMU_HPD | \
	 SV_MMU_PAN3 | SV_MMU_E0PD | SV_MMU_TBID | SV_MMU_MTX)
#define ALL (FEATURES | SV_MMU_PA_BITS(52))

struct machine {
	uint64_t regs[SV_REG_COUNT];
	unsigned features;
	unsigned gets, reads;
	uint64_t last_read;
	unsigned got[SV_REG_COUNT]; /* how often each was read */
	uint8_t *memory;
	uint64_t next;      /* the next free table */
	bool ds;            /* map() writes FEAT_LPA2's descriptors */
	uint64_t bad;       /* reading this address faults */
	enum sv_reg broken; /* reading it fails; 0: none */
};

static enum sv_status get(void *opaque, enum sv_reg reg, uint64_t *value)
{
	struct machine *machine = opaque;

	machine->gets++;
	machine->got[reg]++;
	if (reg == machine->broken)
		return SV_REGISTER;
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
	machine->last_read = ipa;
	assert_int_equal(ipa % 8, 0);
	if (ipa < MEMORY || ipa >= MEMORY + MEMORY_SIZE)
		return SV_TRANSLATION;
	if (ipa == machine->bad)
		return SV_FAULT;
	memcpy(value, machine->memory + (ipa - MEMORY), 8);
	return SV_OK;
}

static inline void reset(struct machine *machine)
{
	uint8_t *memory = machine->memory;

	memset(memory, 0, MEMORY_SIZE);
	*machine = (struct machine){.memory = memory, .features = ALL};
	machine->regs[SV_MAIR_EL1] =
		0xff440c0400ff; /* 0: Normal, 1: Device-nGnRnE, 2: Device-nGnRE, 3: Device-GRE, 4, 5: Normal */
}

static inline uint64_t *descriptor(struct machine *machine, uint64_t ipa)
{
	return (uint64_t *)(machine->memory + (ipa - MEMORY));
}

static inline uint64_t new_table(struct machine *machine, unsigned granule)
{
	uint64_t size = UINT64_C(1) << granule, table = (machine->next + size - 1) & ~(size - 1);

	machine->next = table + size;
	return MEMORY + table;
}

/*
 * Levels, from the top, that an address of bits passes; written apart from the code under test: by counting
 * down.
 */
static inline int start_level(unsigned granule, unsigned bits)
{
	int level = 3;

	for (unsigned covered = granule + granule - 3; covered < bits; covered += granule - 3)
		level--;
	return level;
}

static inline unsigned level_shift(unsigned granule, int level)
{
	return granule + (unsigned)(3 - level) * (granule - 3);
}

/* An address as a descriptor has it. */
static inline uint64_t address_bits(const struct machine *machine, unsigned granule, uint64_t address)
{
	if (granule == 16)
		return (address & 0xffffffffffff) | (address >> 48 & 0xf) << 12;
	if (machine->ds)
		return (address & 0x3ffffffffffff) | (address >> 50 & 3) << 8;
	return address;
}

/*
 * Maps the page or block of va at level to pa, making the tables on the way; returns the address of its
 * descriptor.
 */
static inline uint64_t map(struct machine *machine, unsigned granule, unsigned bits, uint64_t *root,
			   uint64_t va, int level, uint64_t pa, uint64_t attributes,
			   uint64_t table_attributes)
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
			*entry = address_bits(machine, granule, pa) | attributes | (level == 3 ? 3 : 1);
			return table + index * 8;
		}
		if (!(*entry & 1))
			*entry = new_table(machine, granule) | table_attributes | 3;
		table = *entry & 0xfffffffff000 & ~((UINT64_C(1) << granule) - 1);
	}
}

static inline enum sv_status translate(struct machine *machine, uint64_t va, struct sv_access_kind kind,
				       uint64_t sctlr, uint64_t pstate, struct sv_translation *out)
{
	struct sv_context context = {.pstate = pstate, .sctlr_el1 = sctlr};

	machine->gets = machine->reads = 0;
	memset(machine->got, 0, sizeof(machine->got));
	return sv_translate(&context, machine->features, va, kind, &ops, read_descriptor, machine, out);
}

static const struct sv_access_kind load = {0}, fetch __attribute__((unused)) = {.fetch = true};

static const struct {
	unsigned bits;
	uint64_t tg0, tg1;
} granules[] = {{12, 0, 2}, {14, 2, 1}, {16, 1, 3}};

static inline uint64_t tcr_for(unsigned granule_index, unsigned bits)
{
	return (64 - bits) | (uint64_t)(64 - bits) << 16 | granules[granule_index].tg0 << 14 |
	       granules[granule_index].tg1 << 30 | IPS(5);
}

static inline int tables_setup(void **state)
{
	*state = malloc(MEMORY_SIZE);
	return !*state;
}

static inline int tables_teardown(void **state)
{
	free(*state);
	return 0;
}

#endif
