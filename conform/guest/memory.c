/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that comes, goes, moves, is watched, or goes bad. */
#include "guest.h"

/* First accesses to pages, of every kind: none of them is anybody's business but KVM's. */
GUEST(memory_first_touch)
{
	uint64_t data = 1, second;

	stage1_on();
	TRY("ldr %0, [%1]", OUT("=&r"(data)), "r"(alias(extra)));
	PRINT("load %x", data);
	TRY("str %0, [%1]", , "r"(0x5aul), "r"(alias(extra) + page));
	PRINT("store %x", *(volatile uint64_t *)alias(extra + page));
	TRY("ldp %0, %1, [%2]", OUT("=&r"(data), "=&r"(second)), "r"(alias(extra) + page * 2));
	PRINT("pair %x", data);
	TRY("ldxr %0, [%1]", OUT("=&r"(data)), "r"(alias(extra) + page * 3));
	PRINT("exclusive %x", data);
	if (!(READ("dczid_el0") & 0x10))
		TRY("dc zva, %0", , "r"(alias(extra) + page * 3 + 0x800));
	if (READ("id_aa64isar0_el1") >> 20 & 0xf)
		TRY(".arch_extension lse\n\tldadd %1, %0, [%2]", OUT("=&r"(data)), "r"(5ul),
		    "r"(alias(extra) + 0x100));
}

GUEST(memory_straddle)
{
	uint64_t data = 1;

	stage1_on();
	TRY("str %0, [%1]", , "r"(0x1122334455667788ul), "r"(alias(extra) + page - 3));
	TRY("ldr %0, [%1]", OUT("=&r"(data)), "r"(alias(extra) + page - 3));
	PRINT("loaded %x", data);
}

/* Stores, syncs, loads, syncs: what happens to the slot in between is the host's part. */
GUEST(slot_rounds)
{
	uint64_t data;

	*(volatile uint64_t *)extra = 0x1111;
	guest_sync(1);
	for (uint64_t round = 2; round < 5; round++) {
		TRY("ldr %0, [%1]", OUT("=&r"(data)), "r"(extra));
		PRINT("loaded %x", data);
		guest_sync(round);
	}
}

/* value: where the slot goes. */
GUEST(slot_moved)
{
	uint64_t data;

	*(volatile uint64_t *)extra = 0x1111;
	guest_sync(1);
	TRY("ldr %0, [%1]", OUT("=&r"(data)), "r"(value));
	PRINT("new place %x", data);
	TRY("ldr %0, [%1]", OUT("=&r"(data)), "r"(extra));
	PRINT("old place %x", data);
}

/* Pages 0: load, 1: store, 2: pair, 3: nothing, then one of them again. Four pages of 64 KiB are there. */
GUEST(dirty_rounds)
{
	uint64_t data;

	for (unsigned i = 0; i < 4; i++)
		(void)*(volatile uint8_t *)(extra + i * page);
	guest_sync(1);
	TRY("ldr %0, [%1]", OUT("=&r"(data)), "r"(extra));
	TRY("str %0, [%1]", , "r"(1ul), "r"(extra + page));
	TRY("stp %0, %0, [%1]", , "r"(1ul), "r"(extra + 2 * page));
	guest_sync(2);
	guest_sync(3);
	TRY("strb %w0, [%1]", , "r"(1), "r"(extra + page + 7));
	guest_sync(4);
	guest_sync(5);
}

GUEST(memory_load)
{
	uint64_t data = 0x77;

	TRY("ldr %0, [%1]", OUT("+&r"(data)), "r"(extra + 0x108));
	PRINT("register %x", data);
}

GUEST(memory_load_unknown)
{
	uint64_t data = 0x77;

	guest_far_unknown = true;
	TRY("ldr %0, [%1]", OUT("+&r"(data)), "r"(extra + 0x108));
	PRINT("register %x", data);
}

GUEST(memory_store)
{
	TRY("str %0, [%1]", , "r"(0x99ul), "r"(extra + 0x110));
	PRINT("over");
}

/* Untouched by the first half of the guest, so that the second access faults at stage 2. */
GUEST(memory_pair)
{
	uint64_t x = 0x77, y = 0x78;

	TRY("ldp %0, %1, [%2]", OUT("+&r"(x), "+&r"(y)), "r"(extra + 0x108));
	PRINT("registers %x %x", x, y);
}

GUEST(memory_fetch)
{
	((void (*)(void))(extra))();
	PRINT("back");
}

/*
 * A return from EL2 clears the local monitor (DDI 0487, B2.12): a store-exclusive over an exit never
 * succeeds.
 */
GUEST(memory_exclusive)
{
	uint64_t data, status = 7, other;

	stage1_on();
	TRY("ldxr %0, [%3]\n\tldr %w2, [%4]\n\tstxr %w1, %0, [%3]",
	    OUT("=&r"(data), "+&r"(status), "=&r"(other)), "r"(extra), "r"(hole));
	PRINT("status %x", status);
}

/* Tables that nobody has touched; the host has put them there. */
GUEST(memory_walk)
{
	uint64_t data = 0;

	stage1_on();
	stage1_walked(extra + page);
	TRY("ldr %0, [%1]", OUT("+&r"(data)), "r"(CONFORM_WALKED));
	ASSERT(data, *(volatile uint64_t *)CONFORM_RAM);
	PRINT("walked");
}

/* The CPU writes the access flag. */
GUEST(memory_walk_update)
{
	uint64_t data = 0;

	if (!(READ("id_aa64mmfr1_el1") & 0xf))
		guest_skip("no hardware management of the access flag (ID_AA64MMFR1_EL1.HAFDBS)");
	stage1_on();
	WRITE("tcr_el1", READ("tcr_el1") | 1ul << 39);
	stage1_walked(extra + 2 * page);
	TRY("ldr %0, [%1]", OUT("+&r"(data)), "r"(CONFORM_WALKED));
	ASSERT(data, *(volatile uint64_t *)CONFORM_RAM);
	PRINT("walked");
}

/* value: an address that stage 1 can give and the VM does not have. */
GUEST(memory_too_high)
{
	uint64_t data = 0x77;

	if (!value)
		guest_skip("the host has no addresses above the VM's 40 bits");
	stage1_on();
	WRITE("tcr_el1", (READ("tcr_el1") & ~(7ul << 32)) | 5ul << 32);
	stage1_block(value);
	TRY("ldr %0, [%1]", OUT("+&r"(data)), "r"(CONFORM_WALKED + 0x108));
	PRINT("register %x", data);
}
