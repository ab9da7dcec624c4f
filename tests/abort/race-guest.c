/* SPDX-License-Identifier: BSD-2-Clause */
#include "race-guest.h"

#include "support/check.h"

#include "race-model.h"

#define LEVEL2      (RACE_RAM + 0x4000)
#define CODE_TABLE  (RACE_RAM + 0x5000)
#define DATA_TABLE  (RACE_RAM + 0x6000)
#define OTHER_TABLE (RACE_RAM + 0x7000)
#define THIRD_TABLE (RACE_RAM + 0x8000)
#define CODE_A      RACE_RAM
#define CODE_B      (RACE_RAM + 0x1000)
#define DATA        (RACE_RAM + 0x2000)
#define DATA_INDEX  3 /* of the first data page, in its table */

#define TABLE     3
#define BLOCK     0x401
#define PAGE      0x403
#define DEVICE    (1 << 2)
#define READ_ONLY (1 << 7)
#define PXN       (UINT64_C(1) << 53)
#define AF        0x400

_Alignas(4096) uint64_t race_ram[RACE_RAM_SIZE / 8], race_flash[0x1000 / 8];
static uint32_t poisoned; /* a bit for each page of RAM */

/* Descriptors among which the changers choose, the likely ones more than once. */
static const uint64_t data_pages[] = {
	(RACE_RECORDER + 0x1000) | PAGE,
	(RACE_RECORDER + 0x1000) | PAGE,
	(RACE_RECORDER + 0x2000) | PAGE,
	(RACE_RECORDER + 0x2000) | PAGE,
	(RACE_RECORDER + 0x5000) | PAGE,
	(RACE_RECORDER + 0x5000) | PAGE | DEVICE,
	(RACE_RECORDER + 0x1000) | PAGE | READ_ONLY,
	(RACE_RECORDER + 0x1000) | (PAGE & ~AF),
	(RACE_RECORDER + 0x1000) | (PAGE & ~2),
	RACE_REGISTER_FILE | PAGE,
	RACE_REGISTER_FILE | PAGE | DEVICE,
	RACE_DISTRIBUTOR | PAGE,
	RACE_HOLE | PAGE,
	DATA | PAGE,
	DATA | PAGE,
	RACE_FLASH | PAGE,
	0,
};
static const uint64_t code_pages[] = {
	CODE_A | PAGE,        CODE_A | PAGE,           CODE_A | PAGE,         CODE_B | PAGE,
	CODE_B | PAGE,        CODE_B | PAGE,           CODE_A | PAGE,         CODE_B | PAGE,
	RACE_FLASH | PAGE,    CODE_A | PAGE | PXN,     RACE_HOLE | PAGE,      0,
	RACE_RECORDER | PAGE, RACE_DISTRIBUTOR | PAGE, CODE_A | (PAGE & ~AF),
};
static const uint64_t data_tables[] = {
	DATA_TABLE | TABLE,  DATA_TABLE | TABLE,
	DATA_TABLE | TABLE,  OTHER_TABLE | TABLE,
	THIRD_TABLE | TABLE, DATA_TABLE | TABLE,
	OTHER_TABLE | TABLE, RACE_RECORDER | BLOCK,
	RACE_HOLE | TABLE,   0,
};
static const uint64_t code_tables[] = {
	CODE_TABLE | TABLE, CODE_TABLE | TABLE, CODE_TABLE | TABLE, CODE_TABLE | TABLE,
	CODE_TABLE | TABLE, RACE_RAM | BLOCK,   RACE_HOLE | TABLE,  0,
};
static const uint64_t first_tables[] = {
	LEVEL2 | TABLE, LEVEL2 | TABLE, LEVEL2 | TABLE, LEVEL2 | TABLE,    LEVEL2 | TABLE, LEVEL2 | TABLE,
	LEVEL2 | TABLE, LEVEL2 | TABLE, LEVEL2 | TABLE, RACE_HOLE | TABLE, LEVEL2 | TABLE, 0,
};

/* What is changed, and into what. */
static const struct {
	uint64_t ipa;
	const uint64_t *choices;
	unsigned count;
} descriptors[] = {
	{DATA_TABLE + DATA_INDEX * 8, data_pages, COUNT(data_pages)},
	{DATA_TABLE + DATA_INDEX * 8 + 8, data_pages, COUNT(data_pages)},
	{OTHER_TABLE + DATA_INDEX * 8, data_pages, COUNT(data_pages)},
	{OTHER_TABLE + DATA_INDEX * 8 + 8, data_pages, COUNT(data_pages)},
	{THIRD_TABLE + DATA_INDEX * 8, data_pages, COUNT(data_pages)},
	{THIRD_TABLE + DATA_INDEX * 8 + 8, data_pages, COUNT(data_pages)},
	{LEVEL2 + 2 * 8, data_tables, COUNT(data_tables)},
	{CODE_TABLE, code_pages, COUNT(code_pages)},
	{LEVEL2 + 1 * 8, code_tables, COUNT(code_tables)},
	{RACE_LEVEL1, first_tables, COUNT(first_tables)},
};

void *race_host(uint64_t ipa)
{
	return (char *)race_ram + (ipa - RACE_RAM);
}

static void put_word(uint64_t ipa, uint32_t word)
{
	__atomic_store_n((uint32_t *)race_host(ipa), word, __ATOMIC_RELAXED);
}

static void put_descriptor(uint64_t ipa, uint64_t desc)
{
	__atomic_store_n((uint64_t *)race_host(ipa), desc, __ATOMIC_RELAXED);
}

void race_change_code(uint64_t *random)
{
	uint64_t r = random_next(random);

	put_word((r & 1 ? CODE_A : CODE_B) + RACE_SLOT, race_insns[(r >> 8) % race_insn_count].word);
}

/* Half of the time through an invalid descriptor, as the architecture wants it. */
void race_change_tables(uint64_t *random)
{
	uint64_t r = random_next(random);
	unsigned i = (unsigned)(r >> 8) % COUNT(descriptors);

	if (r & 1)
		put_descriptor(descriptors[i].ipa, 0);
	put_descriptor(descriptors[i].ipa, descriptors[i].choices[(r >> 32) % descriptors[i].count]);
}

void race_change_poison(uint64_t *random)
{
	uint64_t r = random_next(random);

	__atomic_store_n(&poisoned, r % 4 ? 0 : 1u << (r >> 8) % (RACE_RAM_SIZE >> 12), __ATOMIC_RELAXED);
}

void race_change(uint64_t *random)
{
	switch (random_next(random) % 16) {
	case 0:
		race_change_poison(random);
		break;
	case 1:
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
		race_change_code(random);
		break;
	default:
		race_change_tables(random);
		break;
	}
}

static bool is_poisoned(uint64_t ipa)
{
	return ipa >= RACE_RAM &&
	       __atomic_load_n(&poisoned, __ATOMIC_RELAXED) >> ((ipa - RACE_RAM) >> 12) & 1;
}

static uint64_t load_value(const void *from, unsigned size)
{
	switch (size) {
	case 8:
		return __atomic_load_n((const uint64_t *)from, __ATOMIC_RELAXED);
	case 4:
		return __atomic_load_n((const uint32_t *)from, __ATOMIC_RELAXED);
	case 2:
		return __atomic_load_n((const uint16_t *)from, __ATOMIC_RELAXED);
	default:
		return __atomic_load_n((const uint8_t *)from, __ATOMIC_RELAXED);
	}
}

void race_store(void *to, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++)
		__atomic_store_n((uint8_t *)to + i, (uint8_t)(value >> 8 * i), __ATOMIC_RELAXED);
}

/* Data is read byte by byte where it is not aligned: the changers leave it alone. */
enum sv_status race_read(const struct sv_region *region, uint64_t ipa, unsigned size, uint64_t *value)
{
	const uint8_t *from = (const uint8_t *)region->host + (ipa - region->first);

	if (is_poisoned(ipa))
		return SV_FAULT;
	*value = 0;
	if (ipa % size == 0)
		*value = load_value(from, size);
	else
		for (unsigned i = 0; i < size; i++)
			*value |= load_value(from + i, 1) << 8 * i;
	return SV_OK;
}

void race_guest_reset(uint64_t *random)
{
	memset(race_ram, 0, sizeof(race_ram));
	poisoned = 0;
	for (size_t i = 0; i < 512; i++)
		((uint64_t *)race_host(DATA))[i] = random_next(random);
	*(uint32_t *)((char *)race_flash + RACE_SLOT) = race_insns[0].word;
	put_word(CODE_A + RACE_SLOT, race_insns[0].word);
	put_word(CODE_B + RACE_SLOT, race_insns[7].word);
	for (size_t i = 0; i < COUNT(descriptors); i++)
		put_descriptor(descriptors[i].ipa, descriptors[i].choices[0]);
}
