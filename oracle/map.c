/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include <salvage/regs.h>

#include "map.h"

#define PAGE      0x1000
#define S1_TABLES 3 /* levels 1 to 3 */

/* Descriptors (DDI 0487, D8.3). */
#define DESC_TABLE  UINT64_C(3)
#define DESC_BLOCK  UINT64_C(1)
#define DESC_PAGE   UINT64_C(3)
#define DESC_AF     (UINT64_C(1) << 10)
#define DESC_INNER  (UINT64_C(3) << 8)
#define S1_DEVICE   (UINT64_C(0) << 2) /* MAIR attribute 0 */
#define S1_NORMAL   (UINT64_C(1) << 2) /* MAIR attribute 1 */
#define S1_USER     (UINT64_C(1) << 6)
#define S1_READONLY (UINT64_C(1) << 7)
#define S1_NX       (UINT64_C(3) << 53)
#define S2_NORMAL   (UINT64_C(0xf) << 2)
#define S2_READ     (UINT64_C(1) << 6)
#define S2_WRITE    (UINT64_C(2) << 6)
#define S2_XN       (UINT64_C(2) << 53)

#define MAIR UINT64_C(0xff04) /* 0: Device-nGnRE, 1: Normal, write-back */

/* 39 bits, 4 KiB, tables cacheable, 40-bit output; no TTBR1. */
#define TCR      UINT64_C(0x200803519)
#define TCR_TBI0 (UINT64_C(1) << 37)
#define VTCR     UINT64_C(0x80023559)

/*
 * M, C, I, DZE, UCT, UCI, nTWI, nTWE, MSCEn and what is RES1 in Armv8.0. No alignment checks but those of
 * the memory type and the instruction; no stack alignment checks either, so that SP can be any base.
 */
#define SCTLR UINT64_C(0x234d5d805)

static uint64_t *table(const struct machine *machine, unsigned page)
{
	return machine_at(machine, TABLES_PA + page * PAGE);
}

static uint64_t table_pa(unsigned page)
{
	return TABLES_PA + page * PAGE;
}

#define STAGE1_VARIANTS 8

/* The first table of stage 1's variants, and of stage 2's. */
static unsigned stage1(const struct setting *setting)
{
	return S1_TABLES * (4u * setting->torn + 2 * setting->ee + setting->privileged);
}

static unsigned stage2(enum pass pass)
{
	return S1_TABLES * (STAGE1_VARIANTS + pass);
}

static void put(const struct setting *setting, uint64_t *entry, uint64_t desc)
{
	*entry = setting->ee ? __builtin_bswap64(desc) : desc;
}

static void build_stage1(const struct machine *machine, const struct setting *setting)
{
	unsigned first = stage1(setting);
	uint64_t *level3 = table(machine, first + 2);
	uint64_t common = DESC_PAGE | DESC_AF | DESC_INNER;
	uint64_t device = S1_DEVICE | S1_NX | (setting->privileged ? 0 : S1_USER);

	put(setting, &table(machine, first)[NORMAL_VA >> 30 & 511],
	    (table_pa(first + 1) + IPA_OFFSET) | DESC_TABLE);
	put(setting, &table(machine, first + 1)[NORMAL_VA >> 21 & 511],
	    (table_pa(first + 2) + IPA_OFFSET) | DESC_TABLE);
	for (uint64_t at = 0; at < DATA_BYTES; at += PAGE) {
		uint64_t ipa = DATA_PA + IPA_OFFSET + map_swap(at);

		if (setting->torn && at & PAGE)
			continue;
		put(setting, &level3[(NORMAL_VA + at) >> 12 & 511],
		    ipa | common | S1_NORMAL | S1_NX | S1_USER);
		put(setting, &level3[(DEVICE_VA + at) >> 12 & 511], ipa | common | device);
	}
	/* Not writable at EL0, or EL1 could not execute it (DDI 0487, D8.4.1). */
	for (uint64_t at = 0; at < CODE_BYTES; at += PAGE)
		put(setting, &level3[(CODE_VA + at) >> 12 & 511],
		    (CODE_PA + IPA_OFFSET + at) | common | S1_NORMAL | S1_USER | S1_READONLY);
	put(setting, &level3[VECTOR_VA >> 12 & 511],
	    (VECTOR_PA + IPA_OFFSET) | common | S1_NORMAL | S1_READONLY);
}

/* By the offset as IPA orders it. */
static uint64_t data_pa(enum pass pass, uint64_t offset)
{
	return DATA_PA + pass * DATA_STRIDE + offset / PAGE * 2 * PAGE + offset % PAGE;
}

static uint64_t data_page(enum pass pass, uint64_t ipa)
{
	uint64_t pa = data_pa(pass, ipa - IPA_OFFSET - DATA_PA);
	uint64_t desc = pa | DESC_PAGE | DESC_AF | DESC_INNER | S2_NORMAL | S2_READ | S2_XN;

	switch (pass) {
	case PASS_MEMORY:
		return desc | S2_WRITE;
	case PASS_ODD:
		return ipa & PAGE ? 0 : desc | S2_WRITE;
	case PASS_READ:
		return desc;
	case PASS_HOLE:
		break;
	}
	return 0;
}

static void build_stage2(const struct machine *machine, enum pass pass)
{
	unsigned first = stage2(pass);
	uint64_t *level2 = table(machine, first + 1), *level3 = table(machine, first + 2);
	static const uint64_t blocks[] = {TABLES_PA, VECTOR_PA, CODE_PA};

	table(machine, first)[(RAM_PA + IPA_OFFSET) >> 30 & 511] = table_pa(first + 1) | DESC_TABLE;
	for (unsigned i = 0; i < sizeof(blocks) / sizeof(*blocks); i++)
		level2[(blocks[i] + IPA_OFFSET) >> 21 & 511] =
			blocks[i] | DESC_BLOCK | DESC_AF | DESC_INNER | S2_NORMAL | S2_READ;
	level2[(DATA_PA + IPA_OFFSET) >> 21 & 511] = table_pa(first + 2) | DESC_TABLE;
	for (uint64_t at = 0; at < DATA_BYTES; at += PAGE)
		level3[(DATA_PA + at) >> 12 & 511] = data_page(pass, DATA_PA + IPA_OFFSET + at);
}

void map_build(const struct machine *machine)
{
	for (unsigned i = 0; i < STAGE1_VARIANTS; i++)
		build_stage1(machine,
			     &(struct setting){.torn = i >> 2, .ee = i >> 1 & 1, .privileged = i & 1});
	for (enum pass pass = PASS_MEMORY; pass <= PASS_READ; pass++)
		build_stage2(machine, pass);
}

void map_batch(const struct setting *setting, struct batch *batch)
{
	batch->sctlr = SCTLR | (setting->ee ? SV_SCTLR_EE : 0) | (setting->e0e ? SV_SCTLR_E0E : 0);
	batch->ttbr0 = table_pa(stage1(setting)) + IPA_OFFSET;
	batch->tcr = TCR | (setting->tbi ? TCR_TBI0 : 0);
	batch->mair = MAIR;
	batch->vtcr = VTCR;
	for (enum pass pass = PASS_MEMORY; pass <= PASS_READ; pass++)
		batch->vttbr[pass] = table_pa(stage2(pass)) | (uint64_t)(pass + 1) << 48;
	batch->vectors_pa = 0;
	batch->zcr = setting->len;
	batch->full = setting->kind == KIND_COPY;
	if (setting->kind == KIND_UNAIMED) {
		batch->vttbr[PASS_MEMORY] = batch->vttbr[PASS_READ];
		batch->vttbr[PASS_ODD] = batch->vttbr[PASS_HOLE];
	}
}

uint8_t *map_data(const struct machine *machine, enum pass pass, uint64_t offset)
{
	return machine_at(machine, data_pa(pass, map_swap(offset)));
}

#define REGIONS (2 * DATA_BYTES / PAGE + 4)

/* Where a page of devices has a border: copies end there, and no atomic lies across it. */
#define BORDER 0x5f0

static struct sv_region regions[PASSES][REGIONS];
static struct sv_space spaces[PASSES];

static void add(struct sv_space *space, enum sv_region_kind kind, uint64_t pa, uint64_t bytes, void *host)
{
	struct sv_region region = {
		.first = pa + IPA_OFFSET,
		.last = pa + IPA_OFFSET + bytes - 1,
		.kind = kind,
		.name = sv_region_kind_name(kind),
		.host = host,
		.sizes = SV_SIZES_ANY | 64,
		.atomics = true,
	};

	if (sv_space_add(space, &region))
		abort();
}

static void add_devices(struct sv_space *space, uint64_t pa)
{
	add(space, SV_REGION_WINDOW, pa, BORDER, NULL);
	add(space, SV_REGION_WINDOW, pa + BORDER, PAGE - BORDER, NULL);
}

void map_spaces(const struct machine *machine)
{
	for (enum pass pass = PASS_MEMORY; pass <= PASS_READ; pass++) {
		struct sv_space *space = &spaces[pass];

		sv_space_init(space, regions[pass], REGIONS);
		add(space, SV_REGION_RAM, TABLES_PA, VECTOR_PA - TABLES_PA, machine_at(machine, TABLES_PA));
		add(space, SV_REGION_RAM, CODE_PA, CODE_BYTES, machine_at(machine, CODE_PA));
		switch (pass) {
		case PASS_MEMORY:
			add(space, SV_REGION_RAM, DATA_PA, DATA_BYTES, NULL);
			break;
		case PASS_HOLE:
			for (uint64_t at = 0; at < DATA_BYTES; at += PAGE)
				add_devices(space, DATA_PA + at);
			break;
		case PASS_READ:
			add(space, SV_REGION_ROM, DATA_PA, DATA_BYTES, NULL);
			break;
		case PASS_ODD:
			for (uint64_t at = 0; at < DATA_BYTES; at += 2 * PAGE) {
				add(space, SV_REGION_RAM, DATA_PA + at, PAGE, NULL);
				add_devices(space, DATA_PA + at + PAGE);
			}
		}
	}
}

const struct sv_space *map_space(enum pass pass)
{
	return &spaces[pass];
}
