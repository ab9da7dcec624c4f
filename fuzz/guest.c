/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "guest.h"

/* Pages of RAM: two of code, one of data, then tables; what is left is the input's. */
#define CODE_A     GUEST_RAM
#define CODE_B     (GUEST_RAM + 0x1000)
#define DATA       (GUEST_RAM + 0x2000)
#define LEVEL1     (GUEST_RAM + 0x3000)
#define LEVEL2     (GUEST_RAM + 0x4000)
#define CODE_TABLE (GUEST_RAM + 0x5000)
#define DATA_TABLE (GUEST_RAM + 0x6000)
#define DATA_ENTRY (DATA_TABLE + (GUEST_DATA >> 12 & 511) * 8)

#define TABLE 3
#define BLOCK 0x401
#define PAGE  0x403

/* What a data page may be mapped to, and what a base register may point at. */
static const uint64_t places[] = {
	GUEST_RECORDER + 0x1000,
	GUEST_RECORDER + 0x2000,
	GUEST_REGISTER_FILE,
	GUEST_DISTRIBUTOR,
	GUEST_HOLE,
	DATA,
	GUEST_FLASH,
	CODE_A,
	DATA_TABLE,
	GUEST_RAM + 0x7000,
	GUEST_RECORDER,
	GUEST_RAM + GUEST_RAM_SIZE - 0x1000,
};

static const struct sv_region platform[] = {
	{.first = GUEST_RECORDER,
	 .last = GUEST_RECORDER + 0xffff,
	 .kind = SV_REGION_WINDOW,
	 .name = "recorder",
	 .sizes = SV_SIZES_ANY | SV_ACCESS_BYTES,
	 .atomics = true},
	{.first = GUEST_REGISTER_FILE,
	 .last = GUEST_REGISTER_FILE + 0xfff,
	 .kind = SV_REGION_WINDOW,
	 .name = "register file",
	 .sizes = 4,
	 .aligned = true},
	{.first = GUEST_RAM + GUEST_RAM_SIZE,
	 .last = GUEST_RAM + GUEST_RAM_SIZE + 0xfff,
	 .kind = SV_REGION_WINDOW,
	 .name = "edge",
	 .sizes = SV_SIZES_ANY},
};

static const struct sv_kernel_register registers[] = {
	{0x000, 4, 4, 4, 0, 0, "GICD_CTLR", NULL},
	{0x080, 128, 4, 4, 0, 1, "GICD_IGROUPR", "another host"},
	{0x400, 1020, 5, 5, 0, 0, "GICD_IPRIORITYR", NULL},
	{0x6100, 0x1ee0, 8, 8, 2, 0, "GICD_IROUTER", "not there"},
};

static void put(struct fuzz_guest *guest, uint64_t ipa, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size && ipa - GUEST_RAM + i < GUEST_RAM_SIZE; i++)
		guest->ram[ipa - GUEST_RAM + i] = (uint8_t)(value >> 8 * i);
}

/* A word of some row, or any. */
static uint32_t take_word(struct fuzz_input *input)
{
	uint16_t choice = (uint16_t)fuzz_take(input, 2);
	uint32_t word = (uint32_t)fuzz_take(input, 4);
	size_t count;
	const struct sv_row *rows = sv_rows(SV_A64, &count);

	if (choice == UINT16_MAX)
		return word;
	return rows[choice % count].value | (word & ~rows[choice % count].mask);
}

static uint64_t take_descriptor(struct fuzz_input *input)
{
	uint64_t place = places[fuzz_take(input, 1) % COUNT(places)];
	uint64_t low = fuzz_take(input, 2), high = fuzz_take(input, 1);

	return place | ((low & 0xfff) ^ PAGE) | high << 51;
}

/* Regions of 256 bytes and more, anywhere; what overlaps is refused, and not there then. */
static void take_region(struct fuzz_guest *guest, struct fuzz_input *input)
{
	static const char *const names[] = {"one", "a device with a name that is rather long", "?", ""};
	static struct sv_kernel_map map = {.registers = registers, .count = COUNT(registers)};
	uint8_t shape = (uint8_t)fuzz_take(input, 1);
	struct sv_region region = {
		.kind = (enum sv_region_kind)(shape & 7),
		.name = names[shape >> 3 & 3],
		.aligned = shape >> 5 & 1,
		.atomics = shape >> 6 & 1,
		.sizes = (uint8_t)fuzz_take(input, 1),
	};

	region.first = places[fuzz_take(input, 1) % COUNT(places)] + (fuzz_take(input, 2) << 4);
	region.last = region.first + fuzz_take(input, 2);
	if (region.kind == SV_REGION_KERNEL && shape >> 7) {
		map.differs = region.sizes & 3;
		map.stride = region.sizes & 4 ? 0x8000 : 0;
		region.kernel = &map;
	}
	/* Memory is where it is: a slot of another's would be no memory of ours. */
	if (region.kind == SV_REGION_RAM || region.kind == SV_REGION_ROM)
		region.host = NULL;
	if (region.kind <= SV_REGION_KERNEL && region.kind != SV_REGION_RAM && region.kind != SV_REGION_ROM)
		sv_space_add(&guest->space, &region);
}

static void take_rule(struct fuzz_guest *guest, struct fuzz_input *input)
{
	struct sv_rule rule = {.last = UINT64_MAX};
	uint8_t what = (uint8_t)fuzz_take(input, 1);

	rule.selector = what % 3;
	rule.action = (what >> 2) % SV_ACTION_COUNT;
	rule.cause = (uint8_t)(fuzz_take(input, 1) % SV_CAUSE_COUNT);
	if (rule.selector == SV_SELECT_CLASS) {
		rule.iclass = rule.cause * 2;
		rule.cause = 0;
	} else if (rule.selector == SV_SELECT_ALL) {
		rule.cause = 0;
	}
	if (what & 0x80) {
		rule.first = places[fuzz_take(input, 1) % COUNT(places)] + fuzz_take(input, 2);
		rule.last = rule.first + fuzz_take(input, 1);
	}
	memcpy(rule.text, "fuzz", 5);
	sv_policy_add(&guest->policy, &rule, NULL);
}

static void take_change(struct fuzz_guest *guest, struct fuzz_input *input)
{
	unsigned n = guest->change_count, kind = (unsigned)fuzz_take(input, 1);

	if (n == GUEST_CHANGES)
		return;
	guest->change_count++;
	guest->changes[n].after = kind >> 2;
	switch (kind & 3) {
	case 0: /* the code */
		guest->changes[n].ipa = CODE_A + GUEST_SLOT;
		guest->changes[n].size = 4;
		guest->changes[n].value = take_word(input);
		break;
	case 1: /* where a data page is */
		guest->changes[n].ipa = DATA_ENTRY + fuzz_take(input, 1) % GUEST_DATA_PAGES * 8;
		guest->changes[n].size = 8;
		guest->changes[n].value = take_descriptor(input);
		break;
	case 2: /* anything */
		guest->changes[n].ipa = GUEST_RAM + fuzz_take(input, 2) % (GUEST_RAM_SIZE / 8) * 8;
		guest->changes[n].size = 8;
		guest->changes[n].value = fuzz_take(input, 8);
		break;
	default:
		guest->changes[n].ipa = GUEST_RAM + fuzz_take(input, 1) % GUEST_PAGES * GUEST_PAGE;
		guest->changes[n].size = 0;
		break;
	}
}

enum choice {
	CHOICE_WORD,
	CHOICE_REGISTER,
	CHOICE_PAGE,
	CHOICE_MEMORY,
	CHOICE_CHANGE,
	CHOICE_POISON,
	CHOICE_REFUSAL,
	CHOICE_RULE,
	CHOICE_REGION,
	CHOICE_VCPU,
	CHOICE_FEATURES,
	CHOICE_ABORT,
	CHOICE_BASE,
	CHOICE_ROUNDS,
	CHOICE_PAGES,
	CHOICE_COUNT
};

static void take_choice(struct fuzz_guest *guest, struct fuzz_input *input)
{
	unsigned reg, shape;
	size_t length;
	const uint8_t *bytes;
	uint64_t at;

	switch ((enum choice)(fuzz_take(input, 1) % CHOICE_COUNT)) {
	case CHOICE_WORD:
		put(guest, CODE_A + GUEST_SLOT, 4, take_word(input));
		break;
	case CHOICE_REGISTER:
		reg = (unsigned)fuzz_take(input, 1) % SV_REG_COUNT;
		guest->regs[reg] = fuzz_take(input, 8);
		break;
	case CHOICE_PAGE:
		at = DATA_ENTRY + fuzz_take(input, 1) % GUEST_DATA_PAGES * 8;
		put(guest, at, 8, take_descriptor(input));
		break;
	case CHOICE_MEMORY:
		at = GUEST_RAM + fuzz_take(input, 2) % GUEST_RAM_SIZE;
		length = fuzz_take(input, 1);
		bytes = fuzz_bytes(input, &length);
		for (size_t i = 0; i < length; i++)
			put(guest, at + i, 1, bytes[i]);
		break;
	case CHOICE_CHANGE:
		take_change(guest, input);
		break;
	case CHOICE_POISON:
		guest->poisoned |= 1u << fuzz_take(input, 1) % GUEST_PAGES;
		break;
	case CHOICE_REFUSAL:
		guest->refusals |= 1u << fuzz_take(input, 1) % 32;
		break;
	case CHOICE_RULE:
		take_rule(guest, input);
		break;
	case CHOICE_REGION:
		take_region(guest, input);
		break;
	case CHOICE_VCPU:
		shape = (unsigned)fuzz_take(input, 1);
		guest->broken_reg = shape & 1 ? (unsigned)fuzz_take(input, 1) % SV_REG_COUNT : SV_REG_COUNT;
		guest->cannot_inject = shape & 2;
		guest->host_steps = shape & 4;
		guest->cpu_flags = shape >> 3 & 3;
		guest->no_simd = shape & 0x20;
		guest->no_sve = shape & 0x40;
		break;
	case CHOICE_FEATURES:
		guest->mmu_features = (unsigned)fuzz_take(input, 3) & 0x3ffff;
		guest->vector = (unsigned)fuzz_take(input, 1) % 17 * 16;
		break;
	case CHOICE_ABORT:
		shape = (unsigned)fuzz_take(input, 1);
		guest->has_abort = true;
		guest->abort.ldst64b = shape & 1;
		guest->abort.esr_iss = fuzz_take(input, 2) | (uint64_t)(shape >> 1) << 16;
		guest->abort.fault_ipa = places[fuzz_take(input, 1) % COUNT(places)] + fuzz_take(input, 3);
		break;
	case CHOICE_BASE:
		reg = (unsigned)fuzz_take(input, 1);
		at = fuzz_take(input, 2) % (GUEST_DATA_PAGES * GUEST_PAGE);
		guest->regs[reg % 31] = (reg & 0x80 ? places[reg >> 5 & 3] : GUEST_DATA) + at;
		break;
	case CHOICE_ROUNDS:
		guest->rounds = 1 + (unsigned)fuzz_take(input, 1) % 16;
		break;
	case CHOICE_PAGES:
		reg = (unsigned)fuzz_take(input, 1);
		put(guest, reg & 1 ? LEVEL1 + (reg >> 3) % 8 * 8 : LEVEL2 + (reg >> 3) % 8 * 8, 8,
		    take_descriptor(input) ^ (reg & 4 ? 0 : 0x400));
		break;
	default:
		break;
	}
}

/* Three levels of 4 KiB tables, 39 bits, all of RAM and two blocks of devices where they are. */
static void map(struct fuzz_guest *guest)
{
	/* Two pages of a device that are not side by side, one that is choosy, and memory. */
	static const uint8_t mapped[GUEST_DATA_PAGES] = {0, 10, 2, 5};

	put(guest, LEVEL1, 8, LEVEL2 | TABLE);
	put(guest, LEVEL1 + 8, 8, GUEST_RAM | BLOCK);
	put(guest, LEVEL2 + 8, 8, CODE_TABLE | TABLE);
	put(guest, LEVEL2 + 16, 8, DATA_TABLE | TABLE);
	for (unsigned i = 3; i < 8; i++)
		put(guest, LEVEL2 + i * 8, 8, (GUEST_RECORDER & ~UINT64_C(0x1fffff)) | BLOCK);
	put(guest, CODE_TABLE, 8, CODE_A | PAGE);
	put(guest, CODE_TABLE + 8, 8, CODE_B | PAGE);
	for (unsigned i = 0; i < GUEST_DATA_PAGES; i++)
		put(guest, DATA_ENTRY + i * 8, 8, places[mapped[i]] | PAGE);
	guest->regs[SV_SCTLR_EL1] |= SV_SCTLR_M;
	guest->regs[SV_TTBR0_EL1] = guest->regs[SV_TTBR1_EL1] = LEVEL1;
	guest->regs[SV_TCR_EL1] = 25 | 25 << 16 | UINT64_C(2) << 30 | UINT64_C(5) << 32;
	guest->regs[SV_MAIR_EL1] = 0x00ff; /* attribute 0: Normal; 1: Device-nGnRnE */
}

static void begin(struct fuzz_guest *guest)
{
	memset(guest, 0, sizeof(*guest));
	guest->broken_reg = SV_REG_COUNT;
	guest->vector = 32;
	guest->rounds = 1;
	guest->policy = (struct sv_policy){.rules = guest->rules, .capacity = GUEST_RULES};
	sv_space_init(&guest->space, guest->regions, GUEST_REGIONS);
	for (size_t i = 0; i < COUNT(platform); i++)
		sv_space_add(&guest->space, &platform[i]);
	sv_space_add(&guest->space, &(struct sv_region){.first = GUEST_RAM,
							.last = GUEST_RAM + GUEST_RAM_SIZE - 1,
							.kind = SV_REGION_RAM,
							.name = "ram",
							.host = guest->ram});
	sv_space_add(&guest->space, &(struct sv_region){.first = GUEST_FLASH,
							.last = GUEST_FLASH + GUEST_PAGE - 1,
							.kind = SV_REGION_ROM,
							.name = "flash",
							.host = guest->flash});
	put(guest, CODE_A + GUEST_SLOT, 4, 0xa9400801); /* ldp x1, x2, [x0] */
}

static void set_registers(struct fuzz_guest *guest, bool mapped, uint8_t shape)
{
	uint64_t base = (mapped ? GUEST_DATA : GUEST_RECORDER) + 0x100;

	for (unsigned n = 0; n <= 30; n++)
		guest->regs[SV_X0 + n] = n % 4 == 3 ? 3 * n : base + (n & 4 ? 0x40 : 0);
	guest->regs[SV_SP_EL0] = guest->regs[SV_SP_EL1] = base;
	guest->regs[SV_PC] = (mapped ? GUEST_CODE : CODE_A) + GUEST_SLOT;
	guest->regs[SV_PSTATE] = (shape & 4 ? 0 : 0x3c5) | (shape & 8 ? SV_PSTATE_SS | UINT64_C(1) << 10 : 0);
	guest->regs[SV_SCTLR_EL1] = 0x30d00800 | (shape & 0x10 ? SV_SCTLR_E0E | SV_SCTLR_EE : 0);
	guest->regs[SV_DCZID_EL0] = 4;
}

void fuzz_guest_take(struct fuzz_guest *guest, struct fuzz_input *input)
{
	uint8_t shape = (uint8_t)fuzz_take(input, 1);
	bool mapped = !(shape & 1);

	begin(guest);
	if (shape & 0x20)
		sv_space_add(&guest->space, &(struct sv_region){.first = GUEST_DISTRIBUTOR,
								.last = GUEST_DISTRIBUTOR + 0xffff,
								.kind = SV_REGION_KERNEL,
								.name = "distributor"});
	set_registers(guest, mapped, shape);
	if (mapped)
		map(guest);
	/* Big-endian tables are for the input to write. */
	if (mapped && guest->regs[SV_SCTLR_EL1] & SV_SCTLR_EE && !(shape & 0x40))
		guest->regs[SV_SCTLR_EL1] &= ~SV_SCTLR_EE;
	while (fuzz_left(input))
		take_choice(guest, input);
}

void fuzz_guest_change(struct fuzz_guest *guest, unsigned reads)
{
	for (unsigned i = 0; i < guest->change_count; i++) {
		if (guest->changes[i].after != reads)
			continue;
		if (guest->changes[i].size)
			put(guest, guest->changes[i].ipa, guest->changes[i].size, guest->changes[i].value);
		else
			guest->poisoned ^= 1u << (guest->changes[i].ipa - GUEST_RAM) / GUEST_PAGE;
	}
}

uint8_t *fuzz_guest_memory(struct fuzz_guest *guest, const struct sv_region *region, uint64_t ipa,
			   unsigned size)
{
	if (ipa < region->first || ipa > region->last || region->last - ipa < size - 1)
		return NULL;
	if (region->host == guest->ram && guest->poisoned >> (ipa - GUEST_RAM) / GUEST_PAGE & 1)
		return NULL;
	return (uint8_t *)region->host + (ipa - region->first);
}
