/* SPDX-License-Identifier: BSD-2-Clause */
/* The register file takes aligned 4-byte accesses, one or two at a time, and nothing else. */
#include "guest.h"

void guest_main(uint64_t dtb)
{
	uint64_t base = REGISTER_FILE, x = 0x11112222, y = 0x33334444;

	__asm__ volatile("stp %w1, %w2, [%0], #8" : "+&r"(base) : "r"(x), "r"(y) : "memory");
	EQUAL(base, REGISTER_FILE + 8);
	EQUAL(read32(REGISTER_FILE), 0x11112222);
	EQUAL(read32(REGISTER_FILE + 4), 0x33334444);
	__asm__ volatile("ldp %w1, %w2, [%0, #-8]!" : "+&r"(base), "=&r"(y), "=&r"(x) : : "memory");
	EQUAL(base, REGISTER_FILE);
	EQUAL(y, 0x11112222);
	EQUAL(x, 0x33334444);

	/* Refused by the device itself: the CPU describes these. */
	ABORTS(REGISTER_FILE, "str %1, [%2]", , "+&r"(x) : "r"(REGISTER_FILE) : "x17", "memory");
	ABORTS(REGISTER_FILE + 2, "ldrh %w1, [%2, #2]", , "+&r"(x) : "r"(REGISTER_FILE) : "x17", "memory");
	ABORTS(REGISTER_FILE + 4, "ldrb %w1, [%2, #4]", , "+&r"(x) : "r"(REGISTER_FILE) : "x17", "memory");
	/* Refused by the window before anything is done. */
	ABORTS(REGISTER_FILE, "stp %1, %1, [%2]", , "+&r"(x) : "r"(REGISTER_FILE) : "x17", "memory");
	ABORTS(REGISTER_FILE, "str %1, [%2], #8", , "+&r"(x), "+&r"(base) : : "x17", "memory");
	ABORTS(REGISTER_FILE, "strh %w1, [%2], #8", , "+&r"(x), "+&r"(base) : : "x17", "memory");
	EQUAL(base, REGISTER_FILE);
	EQUAL(x, 0x33334444);
	EQUAL(read32(REGISTER_FILE), 0x11112222);
	EQUAL(read32(REGISTER_FILE + 4), 0x33334444);
	/* The last register; what follows it is a hole. */
	base = REGISTER_FILE + 0xffc;
	__asm__ volatile("str %w1, [%0], #4" : "+&r"(base) : "r"(x) : "memory");
	EQUAL(read32(REGISTER_FILE + 0xffc), 0x33334444);
	ABORTS(REGISTER_FILE + 0x1000, "ldr %w1, [%2], #4", , "+&r"(y), "+&r"(base) : : "x17", "memory");
}
