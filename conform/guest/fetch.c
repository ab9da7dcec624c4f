/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instruction fetches and table walks that find nothing, or memory that cannot be written; cache maintenance.
 */
#include "guest.h"

#define RET 0xd65f03c0u

static void jump(uint64_t to)
{
	PRINT("to %p", to);
	((void (*)(void))to)();
	PRINT("back");
}

GUEST(fetch_hole)
{
	jump(hole + 0x40);
}

GUEST(fetch_hole_translated)
{
	stage1_on();
	jump(alias(hole) + 0x40);
}

static void el0_jump(void)
{
	((void (*)(void))hole)();
}

GUEST(fetch_hole_el0)
{
	guest_el0(el0_jump, SPSR_EL0);
	PRINT("back");
}

/* The host has put a RET there. */
GUEST(fetch_rom)
{
	jump(rom + 0x10);
}

GUEST(fetch_written)
{
	*(volatile uint32_t *)extra = RET;
	__asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb" : : "r"(extra) : "memory");
	jump(extra);
}

/* What the first exception of a walk is for is not there to be skipped: both abort alike. */
GUEST(walk_hole_load)
{
	uint64_t data = 0, second;

	stage1_on();
	stage1_walked(hole);
	TRY("ldr %0, [%1]", OUT("+&r"(data)), "r"(CONFORM_WALKED + 0x238));
	PRINT("loaded %x", data);
	TRY("str %0, [%1]", , "r"(data), "r"(CONFORM_WALKED + 0x238));
	TRY("ldp %0, %1, [%2]", OUT("+&r"(data), "=&r"(second)), "r"(CONFORM_WALKED + 0x238));
}

GUEST(walk_hole_fetch)
{
	stage1_on();
	stage1_walked(hole);
	jump(CONFORM_WALKED + 0x40);
}

/* The table maps RAM; nothing has to be written to it. */
GUEST(walk_rom)
{
	uint64_t data = 0;

	stage1_on();
	stage1_walked(rom + ROM_TABLE);
	TRY("ldr %0, [%1]", OUT("+&r"(data)), "r"(CONFORM_WALKED));
	ASSERT(data, *(volatile uint64_t *)CONFORM_RAM);
	TRY("ldr %0, [%1]", OUT("+&r"(data)), "r"(CONFORM_WALKED));
	PRINT("walked");
}

/* The hardware has to set the access flag in memory that cannot be written. */
GUEST(walk_rom_update)
{
	uint64_t data = 0;

	if (!(READ("id_aa64mmfr1_el1") & 0xf))
		guest_skip("no hardware management of the access flag (ID_AA64MMFR1_EL1.HAFDBS)");
	stage1_on();
	WRITE("tcr_el1", READ("tcr_el1") | 1ul << 39);
	stage1_walked(rom + ROM_TABLE_NO_AF);
	TRY("ldr %0, [%1]", OUT("+&r"(data)), "r"(CONFORM_WALKED));
	PRINT("loaded %x", data);
}

/* A fault of stage 1 is the guest's own. */
GUEST(walk_rom_flag)
{
	uint64_t data = 0;

	stage1_on();
	stage1_walked(rom + ROM_TABLE_NO_AF);
	TRY("ldr %0, [%1]", OUT("+&r"(data)), "r"(CONFORM_WALKED));
	PRINT("loaded %x", data);
}

#define CACHE(text, at)                                \
	do {                                           \
		TRY(text ", %0\n\tdsb sy", , "r"(at)); \
		PRINT(text " over");                   \
	} while (0)

static void maintain(uint64_t at)
{
	stage1_on();
	CACHE("dc cvac", at);
	CACHE("dc cvau", at);
	CACHE("dc civac", at);
	CACHE("dc ivac", at);
	CACHE("ic ivau", at);
}

GUEST(cache_hole)
{
	maintain(alias(hole));
}

GUEST(cache_rom)
{
	maintain(alias(rom));
}

/* The page is there for stage 2 already. */
GUEST(cache_rom_mapped)
{
	(void)*(volatile uint8_t *)rom;
	maintain(alias(rom));
}
