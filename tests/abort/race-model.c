/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "race-model.h"

#define VALID     1
#define TABLE     2
#define READ_ONLY (UINT64_C(1) << 7)
#define ACCESSED  (UINT64_C(1) << 10)
#define PXN       (UINT64_C(1) << 53)
#define ADDRESS   UINT64_C(0xfffffffff000)
#define ROOT      (RACE_RAM + 0x3000) /* race.c writes it into TTBR0_EL1 */

#define WnR           0x40
#define DFSC          0x3f
#define TRANSLATION_3 0x07
#define PERMISSION_3  0x0f

/* clang-format off */
const struct race_insn race_insns[] = {
	{0xa9400801, "ldp x1, x2, [x0]",        RACE_LOAD,  8, 2, 0, 0, 1, 2},
	{0x29400801, "ldp w1, w2, [x0]",        RACE_LOAD,  4, 2, 0, 0, 1, 2},
	{0x68c10801, "ldpsw x1, x2, [x0], #8",  RACE_LOAD,  4, 2, 0, 8, 1, 2, .extend = 8},
	{0xf8408401, "ldr x1, [x0], #8",        RACE_LOAD,  8, 1, 0, 8, 1},
	{0x38c01401, "ldrsb w1, [x0], #1",      RACE_LOAD,  1, 1, 0, 1, 1, .extend = 4},
	{0x38801401, "ldrsb x1, [x0], #1",      RACE_LOAD,  1, 1, 0, 1, 1, .extend = 8},
	{0x785fec02, "ldrh w2, [x0, #-2]!",     RACE_LOAD,  2, 1, -2, -2, 2},
	{0xa9000801, "stp x1, x2, [x0]",        RACE_STORE, 8, 2, 0, 0, 1, 2},
	{0xa9bf0801, "stp x1, x2, [x0, #-16]!", RACE_STORE, 8, 2, -16, -16, 1, 2},
	{0xb8004401, "str w1, [x0], #4",        RACE_STORE, 4, 1, 0, 4, 1},
	{0x381ffc01, "strb w1, [x0, #-1]!",     RACE_STORE, 1, 1, -1, -1, 1},
	{0x3dc00001, "ldr q1, [x0]",            RACE_LOAD,  16, 1, 0, 0, 1, .simd = true},
	{0xad400801, "ldp q1, q2, [x0]",        RACE_LOAD,  16, 2, 0, 0, 1, 2, .simd = true},
	{0xfc008401, "str d1, [x0], #8",        RACE_STORE, 8, 1, 0, 8, 1, .simd = true},
	{0x6d3f0801, "stp d1, d2, [x0, #-16]",  RACE_STORE, 8, 2, -16, 0, 1, 2, .simd = true},
	{0xb8210002, "ldadd w1, w2, [x0]",      RACE_ADD,   4, 1, 0, 0, 1, 2},
	{0xf8218002, "swp x1, x2, [x0]",        RACE_SWAP,  8, 1, 0, 0, 1, 2},
	{0xc8a17c02, "cas x1, x2, [x0]",        RACE_CAS,   8, 1, 0, 0, 2, 1},
	{0xc85f7c01, "ldxr x1, [x0]",           RACE_EXCLUSIVE, 8, 1, 0, 0, 1},
	{0xa9400401, "ldp x1, x1, [x0]",        RACE_LOAD,  8, 2, 0, 0, 1, 1, .unpredictable = true},
	{0xf9400001, "ldr x1, [x0]",            RACE_LOAD,  8, 1, 0, 0, 1, .described = true},
	{0xb9000001, "str w1, [x0]",            RACE_STORE, 4, 1, 0, 0, 1, .described = true},
	{0x38686801, "ldrb w1, [x0, x8]",       RACE_LOAD,  1, 1, 0, 0, 1, .described = true}, /* x8 is 0 */
	{0xd503201f, "nop",                     RACE_NO_ACCESS},
	{0x91000400, "add x0, x0, #1",          RACE_NO_ACCESS},
	{0x00000000, "udf #0",                  RACE_NO_ACCESS},
	{0xffffffff, "garbage",                 RACE_NO_ACCESS},
};
/* clang-format on */
const unsigned race_insn_count = sizeof(race_insns) / sizeof(*race_insns);

const struct race_insn *race_find(uint32_t word)
{
	for (unsigned i = 0; i < race_insn_count; i++)
		if (race_insns[i].word == word)
			return race_insns[i].what == RACE_NO_ACCESS ? NULL : &race_insns[i];
	return NULL;
}

static bool within(uint64_t ipa, uint64_t first, uint64_t size)
{
	return ipa - first < size;
}

enum race_place race_place(uint64_t ipa)
{
	if (within(ipa, RACE_RAM, RACE_RAM_SIZE))
		return RACE_IS_RAM;
	if (within(ipa, RACE_FLASH, 0x1000))
		return RACE_IS_ROM;
	if (within(ipa, RACE_DISTRIBUTOR, 0x10000))
		return RACE_IS_KERNEL;
	if (within(ipa, RACE_RECORDER, 0x10000) || within(ipa, RACE_REGISTER_FILE, 0x1000))
		return RACE_IS_WINDOW;
	return RACE_IS_HOLE;
}

static bool is_memory(uint64_t ipa)
{
	return race_place(ipa) == RACE_IS_RAM || race_place(ipa) == RACE_IS_ROM;
}

bool race_writes(const struct race_insn *insn)
{
	return insn->what != RACE_LOAD && insn->what != RACE_EXCLUSIVE;
}

bool race_is_atomic(const struct race_insn *insn)
{
	return insn->what == RACE_ADD || insn->what == RACE_SWAP || insn->what == RACE_CAS;
}

/* 4 KiB granule, 39 bits, EL1. *base and *last: what the leaf maps. */
static enum race_walk walk(struct race_reader *reader, uint64_t va, bool fetch, bool write, uint64_t *ipa,
			   uint64_t *last, bool *device)
{
	uint64_t table = ROOT, desc;

	for (unsigned level = 1;; level++) {
		unsigned shift = 12 + 9 * (3 - level);
		uint64_t at = table + (va >> shift & 511) * 8, span = (UINT64_C(1) << shift) - 1;

		if (!is_memory(at))
			return RACE_NO_TABLE;
		if (reader->read(reader, at, 8, &desc))
			return RACE_POISONED;
		if (!(desc & VALID))
			return RACE_DENIED;
		if (level < 3 && desc & TABLE) {
			table = desc & ADDRESS;
			continue;
		}
		if (level == 3 && !(desc & TABLE))
			return RACE_DENIED;
		if (!(desc & ACCESSED) || (fetch && desc & PXN) || (write && desc & READ_ONLY))
			return RACE_DENIED;
		*ipa = (desc & ADDRESS & ~span) | (va & span);
		*last = *ipa | span;
		*device = desc >> 2 & 1;
		return RACE_MAPPED;
	}
}

static void look_at_data(struct race_reader *reader, struct race_view *view)
{
	const struct race_insn *insn = view->insn;
	bool aligned = view->va % insn->esize == 0, device = false;
	uint64_t ipa = 0, last = 0;
	enum race_walk found = RACE_DENIED;

	view->length = insn->esize * insn->count;
	for (unsigned i = 0; i < view->length; i++) {
		struct race_byte *byte = &view->bytes[i];
		bool page = (view->va + i) % 0x1000 == 0;

		/* One translation serves as far as it goes; there is none to go on with after a fault. */
		if (!i || (found == RACE_MAPPED ? ipa++ == last : page))
			found = walk(reader, view->va + i, false, race_writes(insn), &ipa, &last, &device);
		*byte = (struct race_byte){.walk = found};
		if (found == RACE_MAPPED) {
			byte->ipa = ipa;
			byte->device = device;
			byte->place = race_place(ipa);
			if (byte->place == RACE_IS_ROM && race_writes(insn))
				byte->place = RACE_IS_WINDOW;
		}
		if (view->first_fault < 0 && (found != RACE_MAPPED || (device && !aligned))) {
			view->first_fault = (int)i;
			view->misaligned = found == RACE_MAPPED;
			view->no_table = found == RACE_NO_TABLE;
		}
	}
}

/* Whether the syndrome cannot be this instruction's. */
static bool contradicts(const struct race_insn *insn, const struct sv_abort *abort)
{
	return insn->described || (!race_is_atomic(insn) && race_writes(insn) != !!(abort->esr_iss & WnR));
}

void race_look(struct race_reader *reader, uint64_t x0, const struct sv_abort *abort, struct race_view *view)
{
	uint64_t ipa, last, word = 0;
	bool device;

	*view = (struct race_view){.first_fault = -1};
	view->fetch = walk(reader, RACE_CODE + RACE_SLOT, true, false, &ipa, &last, &device);
	if (view->fetch != RACE_MAPPED)
		return;
	view->no_code = !is_memory(ipa);
	if (view->no_code)
		return;
	view->poisoned = reader->read(reader, ipa, 4, &word) != SV_OK;
	if (view->poisoned)
		return;
	view->word = (uint32_t)word;
	view->insn = race_find(view->word);
	if (!view->insn || (abort && contradicts(view->insn, abort)))
		return;
	view->va = x0 + (uint64_t)view->insn->first;
	look_at_data(reader, view);
}

bool race_abort(const struct race_view *view, uint64_t random, struct sv_abort *abort)
{
	if (!view->insn || view->insn->described || view->first_fault >= 0)
		return false;
	for (unsigned i = 0; i < view->length; i++) {
		const struct race_byte *byte = &view->bytes[i];
		bool rom = race_place(byte->ipa) == RACE_IS_ROM;

		if (byte->place == RACE_IS_RAM || byte->place == RACE_IS_ROM)
			continue;
		*abort = (struct sv_abort){.esr_iss = rom ? PERMISSION_3 : TRANSLATION_3,
					   .fault_ipa = byte->ipa};
		/* Of an atomic both are said: abort.h's session takes both. */
		if (race_is_atomic(view->insn) ? rom || random & 1 : race_writes(view->insn))
			abort->esr_iss |= WnR;
		return true;
	}
	return false;
}

#define RETRY(cause, reason) ((struct race_expected){SV_ENDING_RETRIED, SV_CAUSE_##cause, SV_REASON_##reason})
#define INJECT(cause, reason) \
	((struct race_expected){SV_ENDING_INJECTED, SV_CAUSE_##cause, SV_REASON_##reason})

/* Which byte of the footprint aborted; -1: none. */
static int aborted(const struct race_view *view, const struct sv_abort *abort)
{
	for (unsigned i = 0; i < view->length; i++)
		if (view->bytes[i].walk == RACE_MAPPED && view->bytes[i].ipa == abort->fault_ipa)
			return (int)i;
	return -1;
}

/* Whether the bytes from one to another, both included, are in one place and side by side. */
static bool together(const struct race_view *view, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		if (view->bytes[i + 1].ipa != view->bytes[i].ipa + 1 ||
		    view->bytes[i + 1].ipa >> 16 != view->bytes[i].ipa >> 16 ||
		    view->bytes[i + 1].place != view->bytes[i].place)
			return false;
	return true;
}

unsigned race_piece(const struct race_view *view, unsigned from)
{
	unsigned unit = view->insn->esize < 8 ? view->insn->esize : 8, end = from - from % unit + unit,
		 size = 1;

	if (from % unit == 0 && together(view, from, end - 1))
		return unit;
	while (size * 2 <= end - from && view->bytes[from].ipa % (size * 2) == 0 &&
	       together(view, from, from + size * 2 - 1))
		size *= 2;
	return size;
}

static bool window_takes(uint64_t ipa, unsigned size)
{
	return ipa >> 16 != RACE_REGISTER_FILE >> 16 || (size == 4 && ipa % 4 == 0);
}

/* The first thing in the way of the elements. */
static struct race_expected classify(const struct race_view *view)
{
	bool atomic = race_is_atomic(view->insn);

	for (unsigned i = 0; i < view->length; i += race_piece(view, i)) {
		const struct race_byte *byte = &view->bytes[i];

		if (byte->place == RACE_IS_HOLE)
			return INJECT(HOLE, HOLE);
		if (byte->place == RACE_IS_KERNEL)
			return INJECT(UNSUPPORTED, KERNEL_DEVICE);
		if (byte->place != RACE_IS_WINDOW)
			continue;
		if (atomic && byte->ipa >> 16 != RACE_RECORDER >> 16)
			return INJECT(ATOMIC, ATOMIC);
		if (!window_takes(byte->ipa, race_piece(view, i)))
			return INJECT(NISV, WINDOW);
	}
	return atomic ? (struct race_expected){SV_ENDING_COMPLETED, SV_CAUSE_ATOMIC, SV_REASON_NONE}
		      : (struct race_expected){SV_ENDING_COMPLETED, SV_CAUSE_NISV, SV_REASON_NONE};
}

struct race_expected race_expect(const struct race_view *view, const struct sv_abort *abort)
{
	const struct race_insn *insn = view->insn;
	bool fault = view->first_fault >= 0;
	int at;

	if (view->fetch == RACE_POISONED || view->poisoned)
		return INJECT(POISON, FETCH_FAULT);
	if (view->fetch != RACE_MAPPED)
		return RETRY(UNTRANSLATABLE, PC_TRANSLATION);
	if (view->no_code)
		return RETRY(UNTRANSLATABLE, PC_NOT_MEMORY);
	if (!insn)
		return RETRY(UNDECODABLE, NOT_DECODED);
	if (insn->described)
		return RETRY(MISMATCH, ISV_ROW);
	if (contradicts(insn, abort))
		return RETRY(MISMATCH, DIRECTION);
	if (fault && view->bytes[view->first_fault].walk == RACE_POISONED)
		return INJECT(POISON, MEMORY_FAULT);
	at = aborted(view, abort);
	if (fault && view->misaligned)
		return RETRY(UNTRANSLATABLE, ALIGNMENT);
	if (at < 0 || view->bytes[at].place == RACE_IS_RAM || view->bytes[at].place == RACE_IS_ROM) {
		if (fault)
			return RETRY(UNTRANSLATABLE, DATA_TRANSLATION);
		return at < 0 ? RETRY(MISMATCH, ADDRESS) : RETRY(MISMATCH, MEMORY);
	}
	if (insn->unpredictable)
		return INJECT(UNSUPPORTED, UNPREDICTABLE);
	if (insn->what == RACE_EXCLUSIVE)
		return INJECT(EXCLUSIVE, REFUSED_EXCLUSIVE);
	if (fault)
		return INJECT(UNTRANSLATABLE, DATA_TRANSLATION);
	if (race_is_atomic(insn) && !together(view, 0, view->length - 1))
		return INJECT(UNSUPPORTED, FRAGMENTED);
	return classify(view);
}
