/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses to nothing: exactly one external abort each, with the address, and no register changed. */
#include "guest.h"

static void described(void)
{
	uint64_t x = 0x1234;

	ABORTS(HOLE, "ldr %1, [%2]", , "+&r"(x) : "r"(HOLE) : "x17", "memory");
	EQUAL(x, 0x1234);
	ABORTS(HOLE + 3, "ldrb %w1, [%2, #3]", , "+&r"(x) : "r"(HOLE) : "x17", "memory");
	EQUAL(x, 0x1234);
	ABORTS(HOLE + 0x1004, "str %w1, [%2]", , "+&r"(x) : "r"(HOLE + 0x1004) : "x17", "memory");
}

static void not_described(void)
{
	uint64_t base = HOLE + 0x2340, x = 1, y = 2;

	ABORTS(HOLE + 0x2340, "ldp %1, %2, [%3], #16", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	ABORTS(HOLE + 0x2340, "stp %1, %2, [%3]", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	ABORTS(HOLE + 0x2341, "strb %w1, [%3, #1]!", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	ABORTS(HOLE + 0x2340, "ldrsh %1, [%3], #2", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	EQUAL(base, HOLE + 0x2340);
	EQUAL(x, 1);
	EQUAL(y, 2);
}

/*
 * The first half lies in the recorder, the second begins in the exit register, which is 4 bytes long: nothing
 * at all is done, and the address is that of the first byte that nothing takes.
 */
static void straddling(void)
{
	uint64_t base = RECORDER_END - 8, x = 1, y = 2;

	write64(base, 0x5a5a);
	ABORTS(RECORDER_END + 4, "stp %1, %2, [%3], #16", , "+&r"(x), "+&r"(y), "+&r"(base)
	       :
	       : "x17", "memory");
	EQUAL(base, RECORDER_END - 8);
	EQUAL(read64(RECORDER_END - 8), 0x5a5a);
	ABORTS(RECORDER_END + 4, "ldp %1, %2, [%3]", , "+&r"(x), "+&r"(y), "+&r"(base) : : "x17", "memory");
	EQUAL(x, 1);
	EQUAL(y, 2);
}

void guest_main(uint64_t dtb)
{
	described();
	not_described();
	straddling();
	/* After all that, the next ordinary access still works. */
	write64(RECORDER, 7);
	EQUAL(read64(RECORDER), 7);
}
