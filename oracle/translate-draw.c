/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drawing a case of the translation oracle: registers, an address, and the descriptors on its way. A mistake
 * here makes a case dull, not wrong: both sides walk what is in memory.
 */
#include <string.h>

#include "translate.h"

#define DESC_AF    (UINT64_C(1) << 10)
#define DESC_INNER (UINT64_C(3) << 8)
#define S1_USER    (UINT64_C(1) << 6)
#define S1_RO      (UINT64_C(1) << 7)
#define S2_NORMAL  (UINT64_C(0xf) << 2)
#define S2_READ    (UINT64_C(1) << 6)
#define S2_WRITE   (UINT64_C(2) << 6)

#define VTCR UINT64_C(0x80023559) /* 39 bits, 4 KiB, from level 1 on, 40-bit output */

/* C, I, nTWI, nTWE and what is RES1 in Armv8.0; not M. */
#define SCTLR   UINT64_C(0x30d51804)
#define SCTLR_C (UINT64_C(1) << 2)

#define TCR2_PIE   (UINT64_C(1) << 1)
#define TCR2_E0POE (UINT64_C(1) << 2)
#define TCR2_POE   (UINT64_C(1) << 3)

#define PSTATE_EL0 UINT64_C(0x3c0)
#define PSTATE_EL1 UINT64_C(0x3c5)

static uint64_t low(unsigned bits)
{
	return bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX;
}

static bool percent(struct drawer *drawer, unsigned of)
{
	return random_next(&drawer->random) % 100 < of;
}

static unsigned below(struct drawer *drawer, unsigned count)
{
	return (unsigned)(random_next(&drawer->random) % count);
}

static uint64_t ipa_of(bool stage2, uint64_t pa)
{
	return stage2 ? pa + T_IPA_OFFSET : pa;
}

/* The tables of the code page: little- or big-endian, without and with stage 2. */
static uint64_t code_table(bool ee, bool stage2)
{
	return T_CODES_PA + (2 * (unsigned)ee + (unsigned)stage2) * 0x2000;
}

static void put(const struct machine *machine, uint64_t pa, uint64_t value, bool ee)
{
	*(uint64_t *)machine_at(machine, pa) = ee ? __builtin_bswap64(value) : value;
}

void translate_build(const struct machine *machine)
{
	static const struct {
		uint64_t pa, attributes;
	} blocks[] = {
		{T_SLOTS_PA, S2_READ},
		{T_DATA_PA, S2_READ | S2_WRITE},
		{T_CODE_PA, S2_READ},
		{T_ARENA_PA, S2_READ | S2_WRITE},
		{T_ARENA_PA + 0x200000, S2_READ | S2_WRITE},
	};
	uint32_t *data = machine_at(machine, T_DATA_PA);

	for (uint32_t i = 0; i < T_DATA_BYTES / 4; i++)
		data[i] = 0xd4200000 | i << 5;
	put(machine, T_STAGE2_PA + ((RAM_PA + T_IPA_OFFSET) >> 30) * 8, (T_STAGE2_PA + 0x1000) | 3, false);
	for (unsigned i = 0; i < sizeof(blocks) / sizeof(*blocks); i++)
		put(machine, T_STAGE2_PA + 0x1000 + ((blocks[i].pa + T_IPA_OFFSET) >> 21 & 511) * 8,
		    blocks[i].pa | blocks[i].attributes | DESC_AF | DESC_INNER | S2_NORMAL | 1, false);
	for (unsigned i = 0; i < 4; i++) {
		bool ee = i >> 1, stage2 = i & 1;
		uint64_t table = code_table(ee, stage2);

		put(machine, table + (T_CODE_VA >> 21) * 8, ipa_of(stage2, table + 0x1000) | 3, ee);
		/*
		 * EL0 and EL1 both execute it; nobody writes it. Its PIIndex is 1, its POIndex 0. No SH:
		 * with DS that is address.
		 */
		put(machine, table + 0x1000, ipa_of(stage2, T_CODE_PA) | DESC_AF | S1_USER | S1_RO | 3, ee);
	}
}

/* Everything about a case that drawing needs to agree on. */
struct plan {
	bool upper, mmu, ee, ds, wide; /* wide: the base register holds 52 bits */
	unsigned granule, input_bits, output_bits;
	int start, leaf;
	uint64_t tcr;
};

static unsigned level_shift(const struct plan *plan, int level)
{
	return plan->granule + (unsigned)(3 - level) * (plan->granule - 3);
}

static uint64_t field(const struct plan *plan, unsigned lower, unsigned upper, uint64_t value)
{
	return value << (plan->upper ? upper : lower);
}

static void draw_tcr(struct drawer *drawer, struct plan *plan)
{
	static const struct {
		uint8_t granule, tg0, tg1;
	} granules[] = {{12, 0, 2}, {14, 2, 1}, {16, 1, 3}};
	static const uint8_t sizes[] = {32, 36, 40, 42, 44, 48, 52, 52};
	unsigned g = below(drawer, 3), ips = below(drawer, 8), least = 25, most = 48;
	uint64_t r = random_next(&drawer->random), tcr;

	plan->granule = granules[g].granule;
	plan->ds = percent(drawer, 50) && g < 2 && drawer->features & (g ? SV_MMU_LPA2_16K : SV_MMU_LPA2_4K);
	if (plan->ds || (g == 2 && drawer->features & SV_MMU_LVA))
		most = 52;
	if (drawer->features & SV_MMU_TTST)
		least = g == 2 ? 17 : 16;
	plan->input_bits = least + below(drawer, most - least + 1);
	if (percent(drawer, 4))
		plan->input_bits = 1 + below(drawer, 64);
	/* As large as it gets, or nothing large fits. */
	if (percent(drawer, 40))
		ips = 5 + below(drawer, 3);
	plan->output_bits = sizes[ips];
	plan->wide = plan->output_bits == 52 && (plan->ds || g == 2);
	if (!plan->wide && plan->output_bits > 48)
		plan->output_bits = 48;

	/* SH, ORGN and IRGN at random, and hints (HWU). */
	tcr = r & UINT64_C(0x0007f80000000000);
	tcr |= field(plan, 8, 24, r >> 8 & 0x3f);
	/* The other half is the code's: 4 KiB granules, 25 bits. */
	tcr |= plan->upper ? 39 : (uint64_t)39 << 16 | UINT64_C(2) << 30;
	tcr |= field(plan, 0, 16, (64 - plan->input_bits) & 0x3f);
	tcr |= field(plan, 14, 30, plan->upper ? granules[g].tg1 : granules[g].tg0);
	tcr |= (uint64_t)ips << 32 | (uint64_t)plan->ds << 59;
	tcr |= field(plan, 7, 23, percent(drawer, 3));
	tcr |= field(plan, 37, 38, percent(drawer, 40));
	tcr |= field(plan, 41, 42, percent(drawer, 30));
	tcr |= field(plan, 51, 52, percent(drawer, 40));
	tcr |= field(plan, 55, 56, percent(drawer, 10));
	if (drawer->features & SV_MMU_MTX)
		tcr |= field(plan, 60, 61, percent(drawer, 30));
	tcr |= (uint64_t)percent(drawer, 30) << 39 | (uint64_t)percent(drawer, 50) << 40;
	/* DS means nothing to 64 KiB granules. */
	if (g == 2 && drawer->features & SV_MMU_LPA2_4K)
		tcr |= (uint64_t)percent(drawer, 20) << 59;
	plan->tcr = tcr;
}

/* An address where nothing is: no RAM, and without stage 2 to guard them no devices. */
static uint64_t nowhere(struct drawer *drawer, const struct plan *plan)
{
	unsigned bits = percent(drawer, 80) ? plan->output_bits : percent(drawer, 50) ? 48 : 52;
	uint64_t address;

	do
		address = random_next(&drawer->random) & low(bits);
	while (address >= RAM_PA + T_IPA_OFFSET && address < RAM_PA + T_IPA_OFFSET + RAM_BYTES);
	/* Devices end below 2^40. */
	if (!drawer->stage2)
		address |= UINT64_C(1) << (41 + below(drawer, 7));
	return address;
}

/* An address as a descriptor has it. */
static uint64_t encode(const struct plan *plan, uint64_t address)
{
	if (plan->granule == 16)
		return (address & low(48)) | (address >> 48 & 0xf) << 12;
	if (plan->ds)
		return (address & low(50)) | (address >> 50 & 3) << 8;
	return address & low(48);
}

/* The bits of a descriptor that are no part of an address, but where RES0 ones are asked for too. */
static uint64_t attribute_bits(const struct plan *plan, bool res0)
{
	uint64_t bits = UINT64_C(0xfffc000000000ffc);

	if (plan->ds)
		bits &= ~UINT64_C(0x300);
	if (res0 && !plan->ds)
		bits |= UINT64_C(3) << 48;
	if (res0 && plan->granule == 14)
		bits |= UINT64_C(3) << 12;
	return bits;
}

/* A table's descriptor, but for its address: little of what it could forbid. */
static uint64_t table_attributes(struct drawer *drawer, const struct plan *plan)
{
	uint64_t r = random_next(&drawer->random), few = r & random_next(&drawer->random);

	few &= random_next(&drawer->random);
	r = (r & ~(UINT64_C(0x1f) << 59)) | (few & UINT64_C(0x1f) << 59);
	r &= attribute_bits(plan, percent(drawer, 20));
	return percent(drawer, 98) ? r | 3 : r | 2;
}

static uint64_t leaf_attributes(struct drawer *drawer, const struct plan *plan)
{
	uint64_t r = random_next(&drawer->random);

	r &= attribute_bits(plan, percent(drawer, 20));
	r &= ~(DESC_AF | 3);
	r |= percent(drawer, 88) ? DESC_AF : 0;
	/* Reserved at level 3 as 0b01; a block as 0b11 is a table, and without stage 2 there are devices. */
	r |= (plan->leaf == 3) != (percent(drawer, 2) && (plan->leaf == 3 || drawer->stage2)) ? 2 : 0;
	return percent(drawer, 98) ? r | 1 : r;
}

/* An address of a table in the arena of which the descriptor at offset is free; claims it. */
static uint64_t place(struct drawer *drawer, unsigned align, uint64_t offset, uint64_t bytes)
{
	for (;;) {
		uint64_t base = random_next(&drawer->random) % T_ARENA_BYTES & ~low(align);
		uint64_t at = (base + offset) / 8;

		if (base + bytes > T_ARENA_BYTES || drawer->used[at / 8] >> at % 8 & 1)
			continue;
		drawer->used[at / 8] |= (uint8_t)(1 << at % 8);
		return base;
	}
}

/* The tables from the start to the leaf; returns the base register. */
static uint64_t draw_tables(struct drawer *drawer, const struct plan *plan, uint64_t va, uint64_t target)
{
	uint64_t base = 0, hole = 0;
	uint64_t previous = 0;
	int level = plan->start;

	for (;; level++) {
		unsigned shift = level_shift(plan, level);
		unsigned bits = level == plan->start ? plan->input_bits - shift : plan->granule - 3;
		unsigned align = bits + 3;
		uint64_t offset = (va >> shift & low(bits)) * 8, table = 0;

		if (plan->wide && level == plan->start && align < 6)
			align = 6;
		/* QEMU 7.2 fails an assertion at external aborts of level -1. */
		if (percent(drawer, 2) && (level >= 0 || drawer->stage2 || drawer->version >= 900)) {
			hole = nowhere(drawer, plan) & ~low(align);
		} else {
			table = drawer->arena + place(drawer, align, offset, UINT64_C(1) << align);
			hole = 0;
		}
		/* The descriptor that names this table. */
		if (level == plan->start)
			base = hole ? hole : ipa_of(drawer->stage2, table);
		else
			put(drawer->machine, previous,
			    encode(plan, hole ? hole : ipa_of(drawer->stage2, table)) |
				    table_attributes(drawer, plan),
			    plan->ee);
		if (hole)
			break;
		previous = table + offset;
		if (level == plan->leaf) {
			uint64_t attributes = leaf_attributes(drawer, plan), junk = 0;

			/* RES0 bits below a block's address; of a table they would be one anywhere. */
			if (percent(drawer, 10) && !(attributes & 2))
				junk = random_next(&drawer->random) & low(shift) & low(48) &
				       ~low(plan->granule);
			put(drawer->machine, previous,
			    encode(plan, (target & ~low(shift)) | junk) | attributes, plan->ee);
			break;
		}
	}
	/* As TTBR has it: bits 51:48 in 5:2, an ASID, CnP, and RES0 bits that are not. */
	base = (base & low(48)) | (plan->wide ? (base >> 48 & 0xf) << 2 : 0);
	if (percent(drawer, 20)) {
		unsigned bits = plan->input_bits - level_shift(plan, plan->start) + 3;

		base |= random_next(&drawer->random) & low(bits) & ~(plan->wide ? UINT64_C(0x3e) : 0);
	}
	return base | (uint64_t)below(drawer, 3) << 48 | percent(drawer, 50);
}

/* The level of the leaf: where the architecture has blocks, more often than elsewhere. */
static int draw_leaf(struct drawer *drawer, const struct plan *plan)
{
	int first;

	if (percent(drawer, 55) || plan->start == 3)
		return 3;
	if (percent(drawer, 60) && plan->start <= 2)
		return 2;
	/* QEMU 7.2 takes a block of level -1 and then fails an assertion. */
	first = plan->start < 0 && drawer->version < 900 ? 0 : plan->start;
	return first + (int)below(drawer, (unsigned)(4 - first));
}

static uint64_t draw_mair(struct drawer *drawer)
{
	static const uint8_t attributes[] = {0x00, 0x04, 0x08, 0x0c, 0x44, 0xff, 0xbb, 0x4f, 0xf4, 0xee,
					     0x77, 0x33, 0x88, 0xaa, 0x45, 0x54, 0x40, 0xa0, 0xf0, 0x01};
	uint64_t mair = 0;

	for (unsigned i = 0; i < 8; i++)
		mair = mair << 8 | attributes[below(drawer, sizeof(attributes))];
	return mair;
}

static void draw_indirection(struct drawer *drawer, struct translate_slot *slot)
{
	slot->tcr2 = 0;
	if (drawer->features & SV_MMU_S1PIE && percent(drawer, 50))
		slot->tcr2 |= TCR2_PIE;
	if (drawer->features & SV_MMU_S1POE)
		slot->tcr2 |= (percent(drawer, 40) ? TCR2_POE : 0) | (percent(drawer, 40) ? TCR2_E0POE : 0);
	/* The code is executable for both, and no overlay takes that away. */
	slot->pir = (random_next(&drawer->random) & ~UINT64_C(0xf0)) | 0xa0;
	slot->pire0 = (random_next(&drawer->random) & ~UINT64_C(0xf0)) | 0xa0;
	slot->por_el0 = random_next(&drawer->random) | random_next(&drawer->random);
	slot->por_el1 = random_next(&drawer->random) | random_next(&drawer->random);
	/* Reserved encodings, bit 3 set, now and then only; field 0 is the code's. */
	if (percent(drawer, 80)) {
		slot->por_el0 &= UINT64_C(0x7777777777777777);
		slot->por_el1 &= UINT64_C(0x7777777777777777);
	}
	slot->por_el0 = (slot->por_el0 & ~UINT64_C(0xf)) | 7;
	slot->por_el1 = (slot->por_el1 & ~UINT64_C(0xf)) | 7;
}

static void draw_sctlr(struct drawer *drawer, const struct plan *plan, struct translate_slot *slot)
{
	slot->sctlr = SCTLR | plan->mmu;
	slot->sctlr |= plan->ee ? SV_SCTLR_EE | SV_SCTLR_E0E : 0;
	slot->sctlr |= percent(drawer, 30) ? SV_SCTLR_WXN : 0;
	if (drawer->features & SV_MMU_PAN3 && percent(drawer, 50))
		slot->sctlr |= SV_SCTLR_EPAN;
	if (percent(drawer, 10))
		slot->sctlr &= ~SCTLR_C;
}

static void draw_access(struct drawer *drawer, const struct plan *plan, struct translate_job *job)
{
	struct translate_slot *slot = job->slot;
	bool el0 = percent(drawer, 40);
	uint64_t code;

	job->op = percent(drawer, 30) ? OP_FETCH : below(drawer, OP_FETCH);
	slot->spsr = (el0 ? PSTATE_EL0 : PSTATE_EL1) | (percent(drawer, 50) ? SV_PSTATE_PAN : 0) |
		     (percent(drawer, 40) ? SV_PSTATE_UAO : 0);
	code = !plan->mmu    ? ipa_of(drawer->stage2, T_CODE_PA)
	       : plan->upper ? T_CODE_VA
			     : -(UINT64_C(1) << 25) + T_CODE_VA;
	slot->vbar = code;
	slot->elr = job->op == OP_FETCH ? slot->x0 : code + T_ACCESSES + job->op * 16u;
	slot->x1 = (uint32_t)random_next(&drawer->random);
	slot->at = below(drawer, AT_COUNT);
	slot->check = 0;
}

void translate_draw_batch(struct drawer *drawer, uint64_t arena)
{
	struct machine *machine = drawer->machine;
	struct batch *batch = &machine->mail->batch[machine->mail->produced % BATCHES];

	drawer->arena = arena;
	drawer->stage2 = percent(drawer, 60);
	memset(drawer->used, 0, sizeof(drawer->used));
	batch->vtcr = drawer->stage2 ? VTCR : 0;
	batch->vttbr[0] = T_STAGE2_PA;
}

void translate_draw(struct drawer *drawer, struct translate_job *job)
{
	struct plan plan = {.upper = percent(drawer, 50),
			    .mmu = percent(drawer, 96),
			    .ee = percent(drawer, 20)};
	struct translate_slot *slot = job->slot;
	unsigned stride, shift;
	uint64_t target, va, ttbr = 0;

	draw_tcr(drawer, &plan);
	target = percent(drawer, 65) ? ipa_of(drawer->stage2, T_DATA_PA) + below(drawer, T_DATA_BYTES)
				     : nowhere(drawer, &plan);
	target &= ~UINT64_C(3);
	stride = plan.granule - 3;
	plan.start = 3;
	if (!plan.mmu) {
		va = target;
	} else {
		bool sane = plan.input_bits > plan.granule && plan.input_bits <= 52;

		if (sane) {
			plan.start = 4 - (int)((plan.input_bits - plan.granule + stride - 1) / stride);
			plan.leaf = draw_leaf(drawer, &plan);
		}
		shift = sane ? level_shift(&plan, plan.leaf) : plan.granule;
		va = (random_next(&drawer->random) & low(plan.input_bits) & ~low(shift)) |
		     (target & low(shift));
		va &= low(plan.input_bits) & ~UINT64_C(3);
		if (plan.upper)
			va |= ~low(plan.input_bits);
		else
			va &= low(55);
		if (sane && plan.start >= -1)
			ttbr = draw_tables(drawer, &plan, va, target);
	}
	if (percent(drawer, 25))
		va ^= random_next(&drawer->random) << 56;
	/* With the MMU off that is an address like others, and there are devices. */
	if (percent(drawer, 3) && plan.mmu)
		va ^= UINT64_C(1) << (plan.input_bits < 55
					      ? plan.input_bits + below(drawer, 55 - plan.input_bits)
					      : 54);
	va &= ~UINT64_C(3);
	/* Bit 55 chooses the half, and the other one is the code's. */
	if (plan.mmu)
		va = plan.upper ? va | UINT64_C(1) << 55 : va & ~(UINT64_C(1) << 55);

	job->stage2 = drawer->stage2;
	job->granule = (uint8_t)plan.granule;
	job->ds = plan.ds;
	job->start = (int8_t)plan.start;
	slot->tcr = plan.tcr;
	slot->x0 = va;
	slot->ttbr0 = slot->ttbr1 = ipa_of(drawer->stage2, code_table(plan.ee, drawer->stage2));
	if (plan.upper)
		slot->ttbr1 = ttbr;
	else
		slot->ttbr0 = ttbr;
	slot->mair = draw_mair(drawer);
	draw_sctlr(drawer, &plan, slot);
	draw_indirection(drawer, slot);
	draw_access(drawer, &plan, job);
}
